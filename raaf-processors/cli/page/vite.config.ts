import { defineConfig } from "vite";
import { oneFile } from "./build/one-file.ts";

export default defineConfig({
  plugins: [oneFile()],
  build: {
    target: ["chrome123", "firefox128", "safari18"],
    modulePreload: false,
    cssCodeSplit: false,
    reportCompressedSize: false,
  },
});
