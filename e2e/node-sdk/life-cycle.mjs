// A life cycle of what signing needs, by the SDK's own functions; it knows Apple's host alone.
import { readFile } from "node:fs/promises";
import { api } from "node-app-store-connect-api";

const privateKey = await readFile(process.env.KEY_FILE, "utf8");
const { read, readAll, create, update, remove } = await api({
  issuerId: "00000000-5a5a-4b4b-8c8c-000000000001",
  apiKey: "SBXKEY1234",
  privateKey,
  automaticRetries: 0,
});

const { data: apps } = await readAll("apps", { params: { "fields[apps]": "name,bundleId" } });
console.log(`app=${apps[0].attributes.bundleId}`);
const bundleId = await create({ type: "bundleIds", attributes: { identifier: "com.example.node", name: "Node", platform: "IOS" } });
await update(bundleId, { attributes: { name: "Node renamed" } });
const capability = await create({
  type: "bundleIdCapabilities",
  attributes: { capabilityType: "PUSH_NOTIFICATIONS" },
  relationships: { bundleId },
});
const { data: certificates } = await readAll("certificates", { params: { "filter[certificateType]": "DEVELOPMENT" } });
const { data: devices } = await readAll("devices?limit=1");
const profile = await create({
  type: "profiles",
  attributes: { name: "By node", profileType: "IOS_APP_DEVELOPMENT" },
  relationships: { bundleId, certificates, devices },
});
const { data: found, included } = await read(`bundleIds/${bundleId.id}`, { params: { include: "profiles" } });
if (found.attributes.name !== "Node renamed") throw new Error(found.attributes.name);
if (included.profiles[profile.id].attributes.profileState !== "ACTIVE") throw new Error("no active profile");
await remove(capability);
await remove(profile);
await remove(bundleId);
const { data: left } = await readAll("bundleIds", { params: { "filter[identifier]": "com.example.node" } });
if (left.length) throw new Error("the bundle ID is still there");
console.log(`devices=${devices.length} life cycle: done`);
