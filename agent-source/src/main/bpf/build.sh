#!/bin/sh
# Compiles capture.bpf.c into the object that the agent carries, and writes down what it was made of.
# Needs clang and the headers of libbpf; on Debian: apt-get install clang llvm libbpf-dev
#
#   build.sh            compiles into src/main/resources
#   build.sh DIRECTORY  compiles into that directory instead
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
into=${1:-"$here/../resources/io/backhaul/source/ebpf"}
clang=${CLANG:-}
for each in clang clang-14 clang-15 clang-16 clang-17 clang-18 clang-19; do
  [ -n "$clang" ] || ! command -v "$each" >/dev/null 2>&1 || clang=$each
done
[ -n "$clang" ] || { echo "build.sh: no clang; on Debian: apt-get install clang llvm libbpf-dev" >&2; exit 2; }
strip=llvm-strip
command -v "$strip" >/dev/null 2>&1 || strip=$(printf '%s' "$clang" | sed 's/clang/llvm-strip/')
mkdir -p "$into"
cd "$here"
"$clang" -target bpf -mcpu=v2 -O2 -g -ffile-prefix-map="$here"=. -Wall -Werror -I"/usr/include/$(uname -m)-linux-gnu" \
  -c capture.bpf.c -o "$into/capture.bpf.o"
"$strip" -g "$into/capture.bpf.o"
{
  printf 'source %s\n' "$(sha256sum capture.bpf.c | cut -d ' ' -f 1)"
  printf 'object %s\n' "$(sha256sum "$into/capture.bpf.o" | cut -d ' ' -f 1)"
  printf 'clang %s\n' "$("$clang" -dumpversion)"
} >"$into/capture.bpf.sum"
