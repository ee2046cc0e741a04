#!/bin/sh
# Give the virtual environment a C++ compiler where the machine has none.
#
#   tools/compiler.sh VENV CONSTRAINTS
#
# Where $CXX, c++, g++ and clang++ all fail to compile, installs zig (a C++ compiler that comes as a
# Python package) and writes VENV/zig/env, to be read by the shell before a build. Otherwise that
# file is made empty.
set -eu
venv=$(cd "$1" && pwd)
zig=$venv/zig

compiles() {
    command -v "$1" >/dev/null 2>&1 &&
        printf '%s\n' '#include <vector>' \
            'typedef double Vec __attribute__((vector_size(16)));' \
            'Vec turned(Vec v) { return __builtin_shufflevector(v, v, 1, 0); } // GCC 12, any clang' \
            'int main() { return static_cast<int>(std::vector<int>().size()); }' |
        "$1" -std=c++17 -x c++ - -o "$zig/probe" >/dev/null 2>&1
}

rm -rf "$zig"
mkdir -p "$zig"
for name in ${CXX:-} c++ g++ clang++; do
    if compiles "$name"; then
        rm -f "$zig/probe"
        echo "export CXX='$name'" >"$zig/env"
        exit 0
    fi
done

echo "No C++ compiler found: installing zig from PyPI (about 400 MB; the first build takes minutes)."
"$venv/bin/python" -m pip install -q -c "$2" ziglang
for tool in cc c++ ar ranlib; do
    cat >"$zig/$tool" <<END
#!/bin/sh
export ZIG_GLOBAL_CACHE_DIR="$zig/cache" ZIG_LOCAL_CACHE_DIR="$zig/cache"
exec "$venv/bin/python" -m ziglang $tool "\$@"
END
    chmod +x "$zig/$tool"
done
cat >"$zig/env" <<END
export CC='$zig/cc' CXX='$zig/c++'
export CMAKE_ARGS="\${CMAKE_ARGS:-} -DCMAKE_AR=$zig/ar -DCMAKE_RANLIB=$zig/ranlib"
END
