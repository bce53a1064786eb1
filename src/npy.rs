//! NumPy arrays (`.npy`), read without trusting them.

use std::path::Path;

use candle_core::{DType as TensorType, Device, Tensor};
use npyz::{DType, Deserialize, NpyFile, NpyHeader, Order, WriterBuilder};

use crate::error::{Error, Result};
use crate::files;

/// Longest header of an array; NumPy's have about a hundred bytes.
const MAX_HEADER: usize = 1024;

/// Digits that a header may have in all. It bounds the product of the dimensions, which npyz doesn't check for overflow.
const MAX_HEADER_DIGITS: usize = 18;

/// An array in C order: its header, and the bytes behind it, whose number fits the header.
pub struct Array {
    header: NpyHeader,
    bytes: Vec<u8>,
}

impl Array {
    /// Takes the content of a `.npy` file apart.
    ///
    /// # Errors
    /// What is wrong with it, to be told together with where it's from.
    pub fn parse(mut bytes: Vec<u8>) -> std::result::Result<Self, String> {
        let length = header_length(&bytes)?;
        let header = NpyHeader::from_reader(&bytes[..length]).map_err(|e| e.to_string())?;
        bytes.drain(..length);
        let size = header.dtype().num_bytes().unwrap_or(0) as u128;
        let expected = u128::from(header.len()) * size;
        if bytes.len() as u128 != expected {
            return Err(format!("{} bytes, but shape {:?} needs {expected}", bytes.len(), header.shape()));
        }
        if header.order() == Order::Fortran && header.shape().len() > 1 {
            return Err("in Fortran order, but expected C order (numpy.ascontiguousarray)".to_owned());
        }
        Ok(Self { header, bytes })
    }

    /// The shape.
    pub fn shape(&self) -> &[u64] {
        self.header.shape()
    }

    /// The type of the entries in NumPy's spelling.
    pub fn type_name(&self) -> String {
        self.header.dtype().descr()
    }

    /// Kind ('i', 'u', 'f') and bytes per number.
    ///
    /// # Errors
    /// When the entries aren't plain numbers.
    pub fn kind(&self) -> std::result::Result<(char, usize), String> {
        let DType::Plain(plain) = self.header.dtype() else {
            return Err(format!("type {}, but expected plain numbers", self.type_name()));
        };
        let kind = self.type_name().trim_matches('\'').chars().nth(1).unwrap_or('?');
        Ok((kind, plain.num_bytes().unwrap_or(0)))
    }

    /// The entries, row by row.
    ///
    /// # Errors
    /// When they aren't of the type `T`.
    pub fn numbers<T: Deserialize>(&self) -> std::result::Result<Vec<T>, String> {
        NpyFile::with_header(self.header.clone(), self.bytes.as_slice()).into_vec().map_err(|e| e.to_string())
    }
}

/// Length of an array's header, magic number and all, once it is certain that npyz can be trusted with it.
fn header_length(bytes: &[u8]) -> std::result::Result<usize, String> {
    let damaged = || "damaged header of a NumPy array".to_owned();
    let length = match bytes {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ..] => 10 + usize::from(u16::from_le_bytes([*a, *b])),
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, 0, 0, ..] => {
            12 + usize::from(u16::from_le_bytes([*a, *b]))
        }
        _ => return Err(damaged()),
    };
    let header = bytes.get(..length).filter(|_| length <= MAX_HEADER).ok_or_else(damaged)?;
    let text = header.get(10..).unwrap_or_default();
    if text.iter().filter(|byte| byte.is_ascii_digit()).count() > MAX_HEADER_DIGITS {
        return Err(damaged());
    }
    Ok(length)
}

/// Reads a file of f32 or f64 numbers as an f32 tensor on the CPU.
///
/// # Errors
/// When the file can't be read or holds something else.
pub fn read(path: &Path) -> Result<Tensor> {
    let wrong = |message: String| Error::content(path, message);
    let array = Array::parse(files::read(path)?).map_err(wrong)?;
    let shape: Vec<usize> = array.shape().iter().map(|&n| n as usize).collect();
    match array.kind().map_err(wrong)? {
        ('f', 4) => Ok(Tensor::from_vec(array.numbers::<f32>().map_err(wrong)?, shape, &Device::Cpu)?),
        ('f', 8) => {
            let entries = array.numbers::<f64>().map_err(wrong)?;
            Ok(Tensor::from_vec(entries, shape, &Device::Cpu)?.to_dtype(TensorType::F32)?)
        }
        _ => Err(wrong(format!("type {}, but expected f32 or f64", array.type_name()))),
    }
}

/// Writes a tensor as f32, little-endian, C order; the file is written whole.
///
/// # Errors
/// When the file can't be written.
pub fn write(path: &Path, tensor: &Tensor) -> Result<()> {
    let entries = tensor.to_dtype(TensorType::F32)?.flatten_all()?.to_vec1::<f32>()?;
    let shape: Vec<u64> = tensor.dims().iter().map(|&n| n as u64).collect();
    files::write_whole(path, |out| {
        let mut writer = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(out).begin_nd()?;
        writer.extend(entries)?;
        writer.finish()
    })
}
