// Reads every edited project in a folder; each file's name ends with the number of objects that it must have.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "@bacons/xcode/json";

const folder = process.argv[2];
let read = 0;
for (const name of readdirSync(folder)) {
  const objects = Object.keys(parse(readFileSync(join(folder, name), "utf8")).objects).length;
  const expected = Number(name.match(/-(\d+)\.pbxproj$/)[1]);
  if (objects !== expected) {
    console.error(`${name}: ${objects} objects instead of ${expected}`);
    process.exit(1);
  }
  read += 1;
}
console.log(`${read} projects read`);
