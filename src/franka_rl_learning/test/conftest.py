# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Makes ``learning_helpers`` importable, which pytest's import mode ``importlib`` leaves to us."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
