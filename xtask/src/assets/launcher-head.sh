# With it, cd could go elsewhere, and print where.
unset CDPATH
script=$0
while [ -L "$script" ]; do
    link=$(readlink "$script")
    case "$link" in
        /*) script=$link ;;
        *) script=$(dirname "$script")/$link ;;
    esac
done
here=$(cd "$(dirname "$script")" && pwd)
child=""

# Runs a program in such a way that a trap of this script can end it.
attend() {
    "$@" &
    child=$!
    status=0
    wait "$child" || status=$?
    child=""
    return "$status"
}

# The reason stands wherever Bitrise shows what a step says: in the log, in the summary, and on the build's page.
fail() {
    printf '\033[31;1m%s\033[0m\n' "$*" >&2
    if [ -n "${BITRISE_STEP_FORMATTED_OUTPUT_FILE_PATH:-}" ]; then
        printf '## %s\n\n**Failed:** %s\n\n' "$name" "$*" 2>/dev/null >>"$BITRISE_STEP_FORMATTED_OUTPUT_FILE_PATH" || true
    fi
    if [ -n "${HOME:-}" ] && [ -e "$HOME/.bitrise/plugins/annotations" ] && command -v bitrise >/dev/null; then
        attend bitrise :annotations annotate "### $name

**Failed:** $*" --style error >/dev/null 2>&1 || true
    fi
    exit "$failed"
}
