# shellcheck shell=sh
# Finds a JDK 25 without starting one: reads the `release` file that every JDK carries.

# Prints the home of a JDK 25, or nothing: JAVA_HOME first, then the usual folder, then PATH.
find_jdk25() {
  {
    printf '%s\n' "${JAVA_HOME:-}"
    for found in /usr/lib/jvm/*; do printf '%s\n' "$found"; done
    if command -v javac >/dev/null 2>&1; then
      dirname "$(dirname "$(readlink -f "$(command -v javac)")")"
    fi
  } | while IFS= read -r home; do
    if [ -n "$home" ] && [ -x "$home/bin/java" ] && [ -x "$home/bin/javac" ] &&
      grep -q '^JAVA_VERSION="25[."]' "$home/release" 2>/dev/null; then
      printf '%s\n' "$home"
      break
    fi
  done
}
