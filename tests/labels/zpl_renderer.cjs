// Draws labels: JSON [{zpl, width, height}, ...] (mm) comes in, JSON [PNG in Base64, ...] goes out. The renderer's folder is the argument.
const { readFileSync } = require("node:fs");

async function main() {
  const { api } = await require(process.argv[2]).ready;
  const pictures = [];
  for (const { zpl, width, height } of JSON.parse(readFileSync(0, "utf8"))) {
    pictures.push(await api.zplToBase64Async(zpl, width, height, 8));
  }
  process.stdout.write(JSON.stringify(pictures), () => process.exit(0));
}

main();
