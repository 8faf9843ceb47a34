// A headless browser that does what it is told, line by line: JavaScript in, what it returns out, as JSON.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [modules, executablePath] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const { chromium } = require("playwright-core");
const axe = require("axe-core").source;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const page = await browser.newPage();
page.setDefaultTimeout(15_000);
const errors = [];
page.on("console", (said) => said.type() === "error" && errors.push(said.text()));
page.on("pageerror", (error) => errors.push(String(error.stack)));

const Work = Object.getPrototypeOf(async () => {}).constructor;
for await (const line of createInterface({ input: process.stdin })) {
  try {
    const given = await new Work("page", "errors", "axe", JSON.parse(line))(page, errors, axe);
    console.log(JSON.stringify({ given: given ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error.stack) }));
  }
}
await browser.close();
