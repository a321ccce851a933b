// Signs in, enables a capability, creates an App Clip's App ID and a profile: each by Expo's own functions.
// Every connection to Apple goes to the sandbox: `tls.connect` gives a plain socket to it.
const net = require("net");
const tls = require("tls");

tls.connect = () => {
  const socket = net.connect({ host: "127.0.0.1", port: Number(process.env.SANDBOX_PORT) });
  Object.assign(socket, {
    encrypted: true,
    authorized: true,
    getPeerCertificate: () => ({}),
    getSession: () => undefined,
    isSessionReused: () => false,
    setServername: () => {},
  });
  socket.once("connect", () => socket.emit("secureConnect"));
  return socket;
};

const { Auth, BundleId, Certificate, Device, Profile, Teams } = require("@expo/apple-utils");

async function main() {
  const credentials = { username: process.env.APPLE_ID, password: process.env.APPLE_PASSWORD };
  await Auth.loginWithUserCredentialsAsync(credentials);
  const [team] = await Teams.getTeamsAsync();
  const context = { teamId: team.teamId };
  console.log(`team=${team.teamId}`);
  const app = await BundleId.findAsync(context, { identifier: "com.example.courier" });
  await app.updateBundleIdCapabilityAsync({ capabilityType: "WEATHERKIT", option: "ON" });
  const capabilities = await app.getBundleIdCapabilitiesAsync();
  const kinds = capabilities.map((one) => one.id.slice(one.id.indexOf("_") + 1)).sort();
  console.log(`capabilities=${kinds.join(",")}`);
  const clip = await BundleId.createAppClipAsync(context, {
    identifier: "com.example.courier.Clip",
    name: "Courier Clip",
    parentBundleIdId: app.id,
  });
  console.log(`clip=${clip.attributes.identifier}`);
  const devices = await Device.getAsync(context);
  const certificates = await Certificate.getAsync(context);
  const development = certificates.find((one) => one.attributes.certificateType === "DEVELOPMENT");
  const profile = await Profile.createAsync(context, {
    bundleId: app.id,
    certificates: [development.id],
    devices: devices.map((device) => device.id),
    name: "By utils",
    profileType: "IOS_APP_DEVELOPMENT",
  });
  console.log(`profile=${profile.attributes.name} ${profile.attributes.profileState}`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
