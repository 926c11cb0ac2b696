# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Arrays of PyTorch, on the CPU or on a GPU, through which gradients flow."""

from __future__ import annotations

import ctypes
import itertools
import os
import types
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import psutil  # type: ignore[import-untyped]
import torch
from numpy.typing import NDArray

from franka_rl_core import torch_namespace
from franka_rl_core.arrays import NUMPY, Array, Arrays
from franka_rl_core.exceptions import RefusedError, UnknownNameError
from franka_rl_core.rows import Rows

F = TypeVar('F', bound=Callable[..., Any])

# Of functions that were compiled.
_numbers = itertools.count()

# Operations that become one loop at most, on a CPU. PyTorch's limit of 64 cuts the safety chain
# into pieces that hand each other their results through memory, which takes half as long again. On
# a GPU that memory is fast, and one kernel of all would take minutes to compile.
_MAX_FUSION = 100_000

# Of malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3

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

    @property
    def of_few(self) -> Arrays:
        """See :attr:`Arrays.of_few`."""
        return NUMPY if self.device.type == 'cpu' else self

    @property
    def hardware(self) -> str:
        """See :attr:`Arrays.hardware`."""
        on_gpu = self.device.type == 'cuda'
        return torch.cuda.get_device_name(self.device) if on_gpu else super().hardware

    def few(self, array: Array) -> Array:
        """See :meth:`Arrays.few`."""
        return array.detach() if self.of_few is self else self.numpy(array)

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
        return np.array(self.view(array), order='C')  # memory of its own

    def view(self, array: Array) -> NDArray[Any]:
        """See :meth:`Arrays.view`."""
        result: NDArray[Any] = array.detach().cpu().numpy()
        return result

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

    def overwritten(self, array: Array, rows: Array, values: Any) -> Array:
        """See :meth:`Arrays.overwritten`."""
        values = torch.as_tensor(values, device=self.device).to(array.dtype)
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

        The first call takes a minute or more, unless an earlier run left its result in PyTorch's
        cache. No gradients flow. A function that cannot be compiled here, for lack of a C++
        compiler for example, is used as it is, with a warning.
        """
        dynamo = torch._dynamo  # this imports it, which takes more than a second
        cannot = (dynamo.exc.TorchDynamoException, dynamo.exc.FailOnRecompileLimitHit)
        # Numbers are part of the code; as inputs, each would be read for every world.
        dynamo.config.specialize_float = True
        # Whether anything but the arrays is another than before takes longer to find out than a
        # step of few worlds; it never is, for a function whose cache is its own.
        options: dict[str, Any] = {'guard_filter_fn': _guards_of_arrays}
        if self.device.type == 'cpu':
            options['max_fusion_size'] = _MAX_FUSION
            _keep_freed_memory()
        own = _with_own_cache(function)
        fused = torch.compile(own, dynamic=False, fullgraph=True, options=options)
        plain = False

        @torch.no_grad()
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal plain
            if not plain:
                try:
                    return fused(*args, **kwargs)
                except cannot as error:
                    plain = True
                    # The first line names what raised it, the second one why.
                    reason = ' '.join((str(error).strip() or type(error).__name__).split('\n')[:2])
                    warnings.warn(f'compile: goes on without, {reason}', stacklevel=3)
            return function(*args, **kwargs)

        return call  # type: ignore[return-value]


def _guards_of_arrays(entries: Sequence[Any]) -> list[bool]:
    """Keep the guards on shapes, and on which arguments are the same array."""
    return [entry.guard_type in ('TENSOR_MATCH', 'DUPLICATE_INPUT') for entry in entries]


def _with_own_cache(function: F) -> F:
    """Give a function that shares nothing compiled with others: PyTorch goes by code objects."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    code = call.__code__.replace(co_name=f'{function.__name__}_{next(_numbers)}')
    return types.FunctionType(code, globals(), closure=call.__closure__)  # type: ignore


def _keep_freed_memory() -> None:
    """
    Let the C library keep what is freed, as far as it can be asked to.

    A step takes as much memory as the one before gave back; to get the pages from the system again
    takes longer than the arithmetic of many a stage.
    """
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None) if os.name == 'posix' else None
    if mallopt:
        mallopt(_M_MMAP_THRESHOLD, 32 * 2**20)  # the most that it takes
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


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


def check_memory(num_worlds: int, device: torch.device, bytes_per_world: int) -> None:
    """
    Check that worlds have the memory that they need.

    :raises RefusedError: they have not; the message says how many would have.
    """
    needed, free = num_worlds * bytes_per_world, free_memory(device)
    if needed > free:
        raise RefusedError(
            f'{num_worlds} worlds need about {needed / 1e9:.1f} GB on {device}, where '
            f'{free / 1e9:.1f} GB are free: at most {free // bytes_per_world} worlds'
        )
