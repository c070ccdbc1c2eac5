import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

const found = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => existsSync(path));

export default defineConfig({
  testDir: "tests/browser",
  timeout: 300_000,
  expect: { timeout: 20_000 },
  workers: 1,
  reporter: "list",
  use: {
    viewport: { width: 1440, height: 860 },
    timezoneId: "UTC",
    locale: "en-GB",
    launchOptions: {
      ...(found ? { executablePath: found } : {}),
      // Chromium's sandbox does not start as root.
      args: ["--force-color-profile=srgb", ...(process.getuid?.() === 0 ? ["--no-sandbox"] : [])],
    },
  },
});
