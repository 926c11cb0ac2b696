# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC1090,SC1091,SC3028,SC3054
#
# Puts ROS 2, this workspace and the `franka-rl` command on the path of the current shell:
#     . ./env.sh
# For bash, zsh and sh (sh: from this folder only); doing it twice changes nothing.

if [ -n "${BASH_VERSION:-}" ]; then
  _franka_rl_shell=bash
  _franka_rl_root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
elif [ -n "${ZSH_VERSION:-}" ]; then
  _franka_rl_shell=zsh
  eval '_franka_rl_root=${${(%):-%x}:A:h}'
else
  _franka_rl_shell="sh"
  _franka_rl_root=$(pwd -P)
fi
_franka_rl_venv=$_franka_rl_root/.venv

# The stamps of `make setup`; the first begins with the folder it was run in.
if ! grep -qs "^$_franka_rl_root|" "$_franka_rl_venv/setup.stamp" \
  || [ ! -f "$_franka_rl_root/install/setup.stamp" ]; then
  echo "franka_rl is not set up in $_franka_rl_root: run 'make setup' there first." >&2
  unset _franka_rl_shell _franka_rl_root _franka_rl_venv
  return 1
fi

_franka_rl_append() {  # VARIABLE FOLDER, unless the folder is in it
  eval "case \":\${$1:-}:\" in *:\"\$2\":*) ;; *) export $1=\"\${$1:+\$$1:}\$2\" ;; esac"
}

# What ROS 2 and colcon made reads variables that may be unset.
case $- in *u*) _franka_rl_nounset=1; set +u ;; *) _franka_rl_nounset= ;; esac

if [ -f "$_franka_rl_venv/ros_prefix" ]; then  # ROS 2 from apt
  . "$(cat "$_franka_rl_venv/ros_prefix")/setup.$_franka_rl_shell"
else                                           # ROS 2 from wheels
  _franka_rl_append AMENT_PREFIX_PATH "$_franka_rl_venv"
  _franka_rl_append CMAKE_PREFIX_PATH "$_franka_rl_venv"
fi
case ":$PATH:" in
  *":$_franka_rl_venv/bin:"*) ;;
  *) export PATH="$_franka_rl_venv/bin:$PATH" ;;
esac
export VIRTUAL_ENV="$_franka_rl_venv"
. "$_franka_rl_root/install/local_setup.$_franka_rl_shell"

# DDS stays on this machine unless you ask for more.
export ROS_AUTOMATIC_DISCOVERY_RANGE="${ROS_AUTOMATIC_DISCOVERY_RANGE:-LOCALHOST}"

[ -z "$_franka_rl_nounset" ] || set -u
unset -f _franka_rl_append
unset _franka_rl_shell _franka_rl_root _franka_rl_venv _franka_rl_nounset
