// Parses a document with AsyncAPI's own parser, and fails if the parser finds a problem.

import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const path = process.argv[2];
const { document, diagnostics } = await new Parser().parse(readFileSync(path, "utf8"));
const severities = ["error", "warning", "information", "hint"];
// This finding asks for the newest version of AsyncAPI; our documents stay at 3.0.
const found = diagnostics.filter(({ code }) => code !== "asyncapi-latest-version");
for (const { severity, path: place, message } of found) {
  console.error(`${severities[severity]}: ${place.join(".")}: ${message}`);
}
if (document === undefined || found.length > 0) process.exit(1);
const counts = ["channels", "operations", "messages"].map((part) => `${document[part]().length} ${part}`);
console.log(`${path}: AsyncAPI ${document.version()}, ${counts.join(", ")}`);
