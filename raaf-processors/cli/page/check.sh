#!/usr/bin/env bash
# Checks the page: types, tests, that `dist` is what the sources give, and the page in Chromium.
set -euo pipefail
cd "$(dirname "$0")"

if ! command -v npm > /dev/null || ! node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)'; then
    echo "skipped, the page needs npm and Node 20.19 or later"
    exit 0
fi
if ! npm ci --no-audit --no-fund --loglevel=error; then
    echo "skipped, the packages of the page cannot be installed"
    exit 0
fi
npm run --silent types
npm test --silent
npm run --silent build
git diff --exit-code --stat -- dist || {
    echo "dist is not what the sources give: run \`npm run build\` and commit it"
    exit 1
}

browser() { command -v chromium || command -v chromium-browser || command -v google-chrome; }
if ! browser > /dev/null && [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core > /dev/null; } || true
fi
if browser > /dev/null; then
    npm run --silent browser
else
    echo "skipped, Chromium cannot be installed: the page was not opened"
fi
