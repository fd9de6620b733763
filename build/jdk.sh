# Sourced: finds a JDK 25 and leaves its home in JAVA_25, or says in one line that there is none.
jdk_25() {
    local home
    for home in "${JAVA_HOME:-}" /usr/lib/jvm/* "$(dirname "$(dirname "$(readlink -f "$(command -v java || echo /none/none/none)")")")"; do
        if [ -x "$home/bin/javac" ] && grep -qs '^JAVA_VERSION="25' "$home/release"; then
            printf '%s\n' "$home"
            return
        fi
    done
    return 1
}
JAVA_25=$(jdk_25) || {
    echo "$(basename "$0"): no JDK 25 in JAVA_HOME, /usr/lib/jvm or on the path: install one (for example Temurin 25)" >&2
    exit 1
}
# shellcheck disable=SC2034 # used by whoever sources this
readonly JAVA_25
