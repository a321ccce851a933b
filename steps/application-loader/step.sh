#!/usr/bin/env bash
# Runs the step's binary: the one beside this script, else one in APPLE_STEPS_BIN_DIR, else one built by cargo.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
name=step-application-loader
for folder in "$here" "${APPLE_STEPS_BIN_DIR:-}"; do
    if [ -n "$folder" ] && [ -x "$folder/$name" ]; then
        exec "$folder/$name"
    fi
done
if [ -f "$here/../../Cargo.lock" ] && command -v cargo >/dev/null; then
    echo "Building $name with cargo."
    target=${CARGO_TARGET_DIR:-$here/../../target}
    cargo build --quiet --release --locked --package "$name" --manifest-path "$here/Cargo.toml" --target-dir "$target"
    exec "$target/release/$name"
fi
echo "$name is neither beside step.sh nor in APPLE_STEPS_BIN_DIR, and cargo is not installed to build it." >&2
exit 1
