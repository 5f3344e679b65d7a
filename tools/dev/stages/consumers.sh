# Stage consumers: small projects that use the library in each way that the README names.

stage_consumers() {
  local passed=0 failed=0 work=$root/build/consumers
  need_tests
  need_packages pkg-config clang-16
  rm -rf "$work"
  mkdir -p "$work"
  consumer() {
    local name=$1 status
    set +e
    (set -e; "consumer_$name")
    status=$?
    set -e
    if [ "$status" -eq 0 ] && consumer_works "$work/$name/consumer"; then
      passed=$((passed + 1))
    else
      failed=$((failed + 1))
      echo "FAILED: $name"
    fi
  }
  if consumer_headers; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED: headers"
  fi
  consumer_install static -DBUILD_SHARED_LIBS=OFF
  consumer_install shared -DBUILD_SHARED_LIBS=ON
  consumer find_package_static
  consumer find_package_shared
  consumer add_subdirectory
  consumer pkg_config_static
  consumer pkg_config_shared
  echo "$passed passed, $failed failed, 0 skipped"
  [ "$failed" -eq 0 ]
}

# Who includes the headers by -I has their warnings as well as their own.
consumer_headers() {
  local header compiler status=0
  for compiler in g++ clang++-16; do
    for header in include/tensorhold/*.hpp; do
      echo "#include <tensorhold/${header##*/}>" |
        "$compiler" -x c++ -std=c++20 -Wall -Wextra -Wpedantic -Wshadow -Wconversion \
          -Wsign-conversion -Wold-style-cast -Wnon-virtual-dtor -Werror -fsyntax-only -I include - ||
        status=1
    done
  done
  return "$status"
}

consumer_works() {
  local said status=0
  said=$("$1" tests/data/silero-vad-16k.safetensors) || return
  [ "$said" -gt 0 ] || { echo "$1 said: $said"; return 1; }
  # An error is caught across the library's border; a crash ends with another status.
  "$1" tests/data/absent.safetensors || status=$?
  [ "$status" -eq 1 ] || { echo "$1 ended with $status for a file that is absent"; return 1; }
}

consumer_cmake() {
  cmake -S "$1" -B "$2" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER_LAUNCHER=ccache \
    "${@:3}" >/dev/null
  cmake --build "$2"
}

consumer_install() {
  consumer_cmake . "$work/build-$1" "$2" -DTENSORHOLD_CLI=OFF -DCMAKE_INSTALL_LIBDIR=lib \
    "-DCMAKE_INSTALL_PREFIX=$work/$1"
  cmake --install "$work/build-$1" >/dev/null
}

consumer_find_package_static() {
  consumer_cmake tests/consumers/find_package "$work/find_package_static" \
    "-DCMAKE_PREFIX_PATH=$work/static"
}

consumer_find_package_shared() {
  consumer_cmake tests/consumers/find_package "$work/find_package_shared" \
    "-DCMAKE_PREFIX_PATH=$work/shared"
}

consumer_add_subdirectory() {
  # As an error only so that the commands, and ccache's objects, are those of the installed library.
  consumer_cmake tests/consumers/add_subdirectory "$work/add_subdirectory" -DTENSORHOLD_WERROR=ON
}

# consumer_pkg_config PREFIX FLAGS...
consumer_pkg_config() {
  local prefix=$1 folder=$work/pkg_config_$1
  shift
  mkdir -p "$folder"
  PKG_CONFIG_PATH=$work/$prefix/lib/pkgconfig pkg-config "$@" --cflags --libs tensorhold \
    >"$folder/flags"
  # The flags are words.
  # shellcheck disable=SC2046
  g++ -std=c++20 tests/consumers/main.cpp -o "$folder/consumer" $(cat "$folder/flags") \
    "-Wl,-rpath,$work/$prefix/lib"
}

consumer_pkg_config_static() { consumer_pkg_config static --static; }
consumer_pkg_config_shared() { consumer_pkg_config shared; }
