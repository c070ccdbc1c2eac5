import { defineConfig } from "vitest/config";

// The time limit is for tests that hang, not for slow machines.
export default defineConfig({ test: { include: ["tests/unit/**/*.test.ts"], testTimeout: 60_000 } });
