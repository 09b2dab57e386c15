//! Memory that Rust and Python both see: the only unsafe code of the package.
//!
//! What is shared here is raw memory: whoever has a writable view of it must not write while a call works on it.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int, c_ulong, c_void};
use std::sync::Arc;

use pyo3::buffer::{ElementType, PyUntypedBuffer};
use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;
use revoxel::geometry::{Buffer, Dtype, SharedBytes, Voxels, dispatch};

use crate::errors::plain;
use crate::volume::Volume;

/// Voxels that the package owns. They stay where they are for as long as this lives.
pub(crate) struct Owned {
    pointer: *mut u8,
    length: usize,
    /// Only kept, never looked at: the pointer is the way to the values.
    _voxels: Voxels,
}

// SAFETY: the pointer leads to the heap memory of `_voxels`, which is `Send` and `Sync`, belongs to this value alone, and is
// neither moved nor freed before it.
unsafe impl Send for Owned {}
// SAFETY: as above.
unsafe impl Sync for Owned {}

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: `pointer` and `length` are those of the memory of `_voxels`. Python writes to it only through views that
        // the package's rule forbids to use while a call works on the memory.
        unsafe { std::slice::from_raw_parts(self.pointer, self.length) }
    }
}

/// Voxels as memory that volumes share. What is owned is not copied; it comes with its owner.
pub(crate) fn shared(mut voxels: Voxels) -> (Voxels, Option<Arc<Owned>>) {
    if voxels.is_shared() {
        return (voxels, None);
    }
    let count = voxels.len();
    let bytes = voxels.bytes_mut();
    let (pointer, length) = (bytes.as_mut_ptr(), bytes.len());
    let dtype = voxels.dtype();
    let owner = Arc::new(Owned { pointer, length, _voxels: voxels });
    let shared = of_bytes(owner.clone(), dtype, count);
    (shared.unwrap_or_else(|| unreachable!("the memory was that of these values")), Some(owner))
}

/// Memory of a Python object, kept alive.
struct Foreign {
    pointer: *const u8,
    length: usize,
    _buffer: PyUntypedBuffer,
    /// What the array is a view of, which arrays of other libraries hold by an attribute.
    _holds: Py<PyAny>,
}

// SAFETY: the buffer's memory stays where it is until the buffer is released, by whatever thread; it is only read.
unsafe impl Send for Foreign {}
// SAFETY: as above.
unsafe impl Sync for Foreign {}

impl AsRef<[u8]> for Foreign {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: `of_object` takes contiguous buffers alone, so that these bytes are all of the buffer.
        unsafe { std::slice::from_raw_parts(self.pointer, self.length) }
    }
}

/// The memory of an array whose first axis is fastest and which has no gaps, as voxels. `holds` is kept with it.
pub(crate) fn of_object(array: &Bound<'_, PyAny>, holds: &Bound<'_, PyAny>) -> PyResult<Voxels> {
    let py = array.py();
    let buffer = PyUntypedBuffer::get(array)?;
    let fits = buffer.is_fortran_contiguous();
    let dtype = dtype_of(buffer.format(), buffer.item_size());
    let (pointer, length, count) =
        (buffer.buf_ptr().cast_const().cast::<u8>(), buffer.len_bytes(), buffer.item_count());
    let (Some(dtype), true, false) = (dtype, fits, pointer.is_null()) else {
        return Err(plain(py, "an array without gaps of one of the ten voxel types was expected"));
    };
    let voxels =
        of_bytes(Arc::new(Foreign { pointer, length, _buffer: buffer, _holds: holds.clone().unbind() }), dtype, count);
    voxels.ok_or_else(|| plain(py, "the array's memory is not aligned to its values: pass a copy"))
}

fn of_bytes(bytes: SharedBytes, dtype: Dtype, count: usize) -> Option<Voxels> {
    Some(match dtype {
        Dtype::U8 => Buffer::<u8>::shared(bytes, 0, count)?.into(),
        Dtype::I8 => Buffer::<i8>::shared(bytes, 0, count)?.into(),
        Dtype::U16 => Buffer::<u16>::shared(bytes, 0, count)?.into(),
        Dtype::I16 => Buffer::<i16>::shared(bytes, 0, count)?.into(),
        Dtype::U32 => Buffer::<u32>::shared(bytes, 0, count)?.into(),
        Dtype::I32 => Buffer::<i32>::shared(bytes, 0, count)?.into(),
        Dtype::U64 => Buffer::<u64>::shared(bytes, 0, count)?.into(),
        Dtype::I64 => Buffer::<i64>::shared(bytes, 0, count)?.into(),
        Dtype::F32 => Buffer::<f32>::shared(bytes, 0, count)?.into(),
        Dtype::F64 => Buffer::<f64>::shared(bytes, 0, count)?.into(),
    })
}

fn dtype_of(format: &CStr, size: usize) -> Option<Dtype> {
    let dtype = match ElementType::from_format(format) {
        ElementType::UnsignedInteger { bytes: 1 } => Dtype::U8,
        ElementType::SignedInteger { bytes: 1 } => Dtype::I8,
        ElementType::UnsignedInteger { bytes: 2 } => Dtype::U16,
        ElementType::SignedInteger { bytes: 2 } => Dtype::I16,
        ElementType::UnsignedInteger { bytes: 4 } => Dtype::U32,
        ElementType::SignedInteger { bytes: 4 } => Dtype::I32,
        ElementType::UnsignedInteger { bytes: 8 } => Dtype::U64,
        ElementType::SignedInteger { bytes: 8 } => Dtype::I64,
        ElementType::Float { bytes: 4 } => Dtype::F32,
        ElementType::Float { bytes: 8 } => Dtype::F64,
        _ => return None,
    };
    (dtype.size() == size).then_some(dtype)
}

/// The letter of a voxel type in the buffer protocol.
const fn letter(dtype: Dtype) -> &'static CStr {
    match dtype {
        Dtype::U8 => c"B",
        Dtype::I8 => c"b",
        Dtype::U16 => c"H",
        Dtype::I16 => c"h",
        Dtype::U32 => c"I",
        Dtype::I32 => c"i",
        // Of two types of 64 bits, NumPy's own is that of C's `long` where that has as many, and torch knows no other.
        Dtype::U64 if size_of::<c_ulong>() == 8 => c"L",
        Dtype::I64 if size_of::<c_ulong>() == 8 => c"l",
        Dtype::U64 => c"Q",
        Dtype::I64 => c"q",
        Dtype::F32 => c"f",
        Dtype::F64 => c"d",
    }
}

/// What a view points to besides the values.
struct Layout {
    shape: Vec<ffi::Py_ssize_t>,
    strides: Vec<ffi::Py_ssize_t>,
}

#[pymethods]
impl Volume {
    /// The values as memory: (x, y, z), or (x, y, z, channel), the first axis fastest.
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let refuse = |message: &str| Err(PyBufferError::new_err(message.to_owned()));
        if view.is_null() {
            return refuse("there is no view to fill");
        }
        let this = slf.get();
        let asks = |flag: c_int| flags & flag == flag;
        if asks(ffi::PyBUF_WRITABLE) && !this.is_writable() {
            return refuse("the volume is read-only: it lies in a file, or others hold its memory; write to a copy");
        }
        let shape: Vec<ffi::Py_ssize_t> = this.array_shape().iter().map(|n| *n as ffi::Py_ssize_t).collect();
        let rows = shape.iter().filter(|n| **n > 1).count() > 1;
        if rows && (asks(ffi::PyBUF_C_CONTIGUOUS) || !asks(ffi::PyBUF_STRIDES)) {
            return refuse("the volume's first axis is fastest: ask for strides, or use volume.zyx");
        }
        let dtype = this.volume.dtype();
        let mut strides = Vec::with_capacity(shape.len());
        let mut step = dtype.size() as ffi::Py_ssize_t;
        for length in &shape {
            strides.push(step);
            step *= length;
        }
        let pointer = dispatch!(this.volume.voxels(), v => v.as_ptr().cast::<c_void>().cast_mut());
        let mut layout = Box::new(Layout { shape, strides });
        let with = |flag: c_int, pointer: *mut ffi::Py_ssize_t| if asks(flag) { pointer } else { std::ptr::null_mut() };
        // SAFETY: Python gives a view to be filled, and releases it once with `__releasebuffer__`, which frees the layout.
        // The view holds a reference to the volume, whose values stay in their place as long as it lives.
        unsafe {
            (*view).buf = pointer;
            (*view).len = step;
            (*view).readonly = c_int::from(!this.is_writable());
            (*view).itemsize = dtype.size() as ffi::Py_ssize_t;
            let format = if asks(ffi::PyBUF_FORMAT) { letter(dtype).as_ptr().cast_mut() } else { std::ptr::null_mut() };
            (*view).format = format;
            (*view).ndim = layout.shape.len() as c_int;
            (*view).shape = with(ffi::PyBUF_ND, layout.shape.as_mut_ptr());
            (*view).strides = with(ffi::PyBUF_STRIDES, layout.strides.as_mut_ptr());
            (*view).suboffsets = std::ptr::null_mut();
            (*view).internal = Box::into_raw(layout).cast::<c_void>();
            (*view).obj = slf.into_any().into_ptr();
        }
        Ok(())
    }

    unsafe fn __releasebuffer__(&self, view: *mut ffi::Py_buffer) {
        // SAFETY: the layout was made by `__getbuffer__` for this view.
        unsafe { drop(Box::from_raw((*view).internal.cast::<Layout>())) };
    }
}
