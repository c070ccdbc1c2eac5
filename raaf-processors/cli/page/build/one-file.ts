import { createHash } from "node:crypto";
import type { Plugin, Rollup } from "vite";

const hash = (text: string) => `'sha256-${createHash("sha256").update(text, "utf8").digest("base64")}'`;

/** The policy of the page: nothing runs but the one script, and nothing is loaded. */
function policy(script: string, style: string): string {
  return [
    "default-src 'none'",
    `script-src ${hash(script)}`,
    `style-src ${hash(style)}`,
    "img-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
}

/** Puts the script and the style into the page, with a policy that names their hashes. */
export function oneFile(): Plugin {
  return {
    name: "one-file",
    apply: "build",
    enforce: "post",
    generateBundle(_, bundle) {
      const all = Object.values(bundle);
      const page = all.find((one): one is Rollup.OutputAsset => one.fileName === "index.html");
      const scripts = all.filter((one): one is Rollup.OutputChunk => one.type === "chunk");
      const styles = all.filter(
        (one): one is Rollup.OutputAsset => one.type === "asset" && one.fileName.endsWith(".css"),
      );
      const [script, style] = [scripts[0], styles[0]];
      if (!page || !script || !style || all.length !== 3) {
        throw new Error(`expected a page, a script and a style: ${Object.keys(bundle).join(", ")}`);
      }
      // Neither ends the element that it is in.
      const code = script.code.trim().replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
      const css = String(style.source).trim();
      if (/<\/style/i.test(css)) throw new Error("the style ends its element");
      const html = String(page.source)
        .replace(/\s*<script type="module"[^>]*><\/script>/, "")
        .replace(/\s*<link rel="stylesheet"[^>]*>/, "")
        .replace("%CSP%", () => policy(code, css))
        .replace("</head>", () => `<style>${css}</style>\n</head>`)
        .replace("</body>", () => `<script type="module">${code}</script>\n</body>`);
      const places = html.split('<script type="application/json" id="data"></script>').length - 1;
      if (places !== 1) throw new Error(`expected one place for the data, found ${places}`);
      page.source = html;
      delete bundle[script.fileName];
      delete bundle[style.fileName];
    },
  };
}
