# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Arrays of PyTorch, on the CPU or on a GPU, through which gradients flow."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import psutil  # type: ignore[import-untyped]
import torch
from numpy.typing import NDArray
from torch import Tensor

from franka_rl_core import torch_namespace
from franka_rl_core.arrays import Array, Arrays
from franka_rl_core.exceptions import UnknownNameError
from franka_rl_core.rows import Rows

F = TypeVar('F', bound=Callable[..., Any])

# Operators of PyTorch need a name of their own.
_numbers = itertools.count()

DTYPES = {'float32': torch.float32, 'float64': torch.float64}


class TorchArrays(Arrays):
    """
    PyTorch's arrays.

    :param device: ``'cpu'``, ``'cuda'``, ``'cuda:1'``, …
    :param dtype: ``'float32'`` or ``'float64'``.
    :raises RefusedError: there is no such device or type; the message lists those that are.
    """

    xp = torch_namespace
    single = torch.float32

    def __init__(self, device: str = 'cpu', dtype: str = 'float32') -> None:
        if dtype not in DTYPES:
            raise UnknownNameError('dtype', dtype, DTYPES)
        self.device = _device(device)
        self.dtype = DTYPES[dtype]

    def constant(self, values: Any) -> Array:
        """See :meth:`Arrays.constant`."""
        if not isinstance(values, (torch.Tensor, int, float)) and not hasattr(values, 'shape'):
            values = [self.constant(value).tolist() for value in values]
        if isinstance(values, np.ndarray) and not values.flags.writeable:
            values = values.copy()  # PyTorch has no read-only memory
        tensor = torch.as_tensor(values, dtype=self.dtype, device=self.device)
        is_rows = isinstance(values, np.ndarray) and values.ndim == 2
        return tensor.T.contiguous().T if is_rows else tensor

    def numpy(self, array: Array) -> NDArray[Any]:
        """See :meth:`Arrays.numpy`."""
        return np.array(array.detach().cpu().numpy(), order='C')  # memory of its own

    def index(self, values: Any) -> Array:
        """See :meth:`Arrays.index`."""
        return torch.as_tensor(values, dtype=torch.int64, device=self.device)

    def repeated(self, row: Any, count: int) -> Array:
        """See :meth:`Arrays.repeated`."""
        return self.constant(row)[:, None].repeat(1, count).T

    def replaced(self, array: Array, rows: Array, values: Any) -> Array:
        """See :meth:`Arrays.replaced`."""
        values = torch.as_tensor(values, device=self.device).to(array.dtype)
        return array.index_put((rows,), values)

    def overwritten(self, array: Array, rows: Array, values: Array) -> Array:
        """See :meth:`Arrays.overwritten`."""
        if array.requires_grad or values.requires_grad:
            return self.replaced(array, rows, values)
        return array.index_put_((rows,), values)

    def rows(self, array: Array) -> Array:
        """See :meth:`Arrays.rows`."""
        return Rows(array.unbind(0)) if torch.compiler.is_compiling() else array

    def whole(self, array: Array) -> Array:
        """See :meth:`Arrays.whole`."""
        return torch.stack(array.rows) if isinstance(array, Rows) else array

    def may_be_any(self, mask: Array) -> bool:
        """See :meth:`Arrays.may_be_any`."""
        if torch.compiler.is_compiling() or self.device.type != 'cpu':
            return True
        return bool(mask.any())

    def join(self, parts: Sequence[Array]) -> Array:
        """See :meth:`Arrays.join`."""
        return torch_namespace.concat([part.to(self.single) for part in parts], axis=1)

    def synchronize(self) -> None:
        """See :meth:`Arrays.synchronize`."""
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)

    def taken(self, array: Array, rows: Array) -> Array:
        """See :meth:`Arrays.taken`."""
        return array.movedim(0, -1)[..., rows].movedim(-1, 0)

    def compiled(self, function: F) -> F:
        """
        See :meth:`Arrays.compiled`.

        The first call takes half a minute, unless an earlier run left its result in PyTorch's
        cache. No gradients flow.
        """
        # Numbers are part of the code; as inputs, each would be read for every world.
        torch._dynamo.config.specialize_float = True
        return torch.no_grad()(torch.compile(function, dynamic=False))  # type: ignore[return-value]

    def apart(self, function: F) -> F:
        """
        See :meth:`Arrays.apart`.

        Gradients flow past it where it leaves its first array as it is, and end where it does not.
        """
        name = f'franka_rl::{function.__name__}_{next(_numbers)}'

        def operate(arrays: list[Tensor]) -> Tensor:
            result: Tensor = function(*arrays)
            return result.clone() if result is arrays[0] else result

        schema = '(Tensor[] arrays) -> Tensor'
        operator = torch.library.custom_op(name, operate, mutates_args=(), schema=schema)
        operator.register_fake(lambda arrays: torch.empty_like(arrays[0]))

        def call(*arrays: Tensor) -> Tensor:
            if torch.compiler.is_compiling():
                corrected: Tensor = self.rows(operator([self.whole(array) for array in arrays]))
                return corrected
            with torch.no_grad():
                result: Tensor = function(*arrays)
            target = arrays[0]
            merged: Tensor = torch.where(result == target, target, result)
            return target if result is target else merged

        return call  # type: ignore[return-value]


def available_devices() -> tuple[str, ...]:
    """List what PyTorch can compute on here."""
    return ('cpu', *(f'cuda:{i}' for i in range(torch.cuda.device_count())))


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UnknownNameError('device', name, available_devices()) from error
    known = available_devices()
    if device.type not in {entry.split(':')[0] for entry in known} or (
        device.index is not None and str(device) not in known and name != 'cpu:0'
    ):
        raise UnknownNameError('device', name, known)
    return device


def free_memory(device: torch.device) -> int:
    """Give the memory that may still be taken on a device [bytes]."""
    if device.type == 'cuda':
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)
