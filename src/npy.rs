//! NumPy arrays (`.npy`), read without trusting them: what a header declares is checked before anything is read by it.

use std::io::{BufReader, Read};
use std::path::Path;

use candle_core::{DType as TensorType, Device, Tensor};
use npyz::{DType, Deserialize, NpyFile, NpyHeader, Order, WriterBuilder};

use crate::error::{Error, Result};
use crate::files;

/// Longest header of an array; NumPy's have about a hundred bytes.
const MAX_HEADER: usize = 1024;

/// Digits that a header may have in all. It bounds the product of the dimensions, which npyz doesn't check for overflow.
const MAX_HEADER_DIGITS: usize = 18;

/// Most entries of an array that is read or written as a tensor, 1 GiB of f32.
pub const MAX_ENTRIES: u64 = 1 << 28;

/// What an array in C order says of itself.
pub struct Header {
    header: NpyHeader,
    length: usize,
}

impl Header {
    /// Reads a header; what follows in `reader` are the entries.
    ///
    /// # Errors
    /// What is wrong with it, to be told together with where it's from.
    pub fn read(reader: &mut impl Read) -> std::result::Result<Self, String> {
        let bytes = header(reader).ok_or_else(|| "damaged header of a NumPy array".to_owned())?;
        let header = NpyHeader::from_reader(bytes.as_slice()).map_err(|e| e.to_string())?;
        if header.order() == Order::Fortran && header.shape().len() > 1 {
            return Err("in Fortran order, but expected C order (numpy.ascontiguousarray)".to_owned());
        }
        Ok(Self { header, length: bytes.len() })
    }

    /// Refuses a file whose length, header and all, doesn't fit what the header declares.
    ///
    /// # Errors
    /// Both numbers of bytes.
    pub fn check_length(&self, length: u64) -> std::result::Result<(), String> {
        self.kind()?;
        let size = self.header.dtype().num_bytes().unwrap_or(0) as u128;
        let expected = u128::from(self.header.len()) * size;
        match length.checked_sub(self.length as u64) {
            Some(found) if u128::from(found) == expected => Ok(()),
            found => Err(format!("{} bytes, but shape {:?} needs {expected}", found.unwrap_or(0), self.header.shape())),
        }
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

    /// The entries, row by row, read from what follows the header as they're asked for.
    ///
    /// # Errors
    /// When they aren't of the type `T`.
    pub fn numbers<T: Deserialize>(
        &self,
        reader: impl Read,
    ) -> std::result::Result<impl Iterator<Item = std::io::Result<T>>, String> {
        NpyFile::with_header(self.header.clone(), reader).data().map_err(|e| e.to_string())
    }
}

/// The bytes of a header, magic number and all, if it's certain that npyz can be trusted with it.
fn header(reader: &mut impl Read) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 10];
    reader.read_exact(&mut bytes).ok()?;
    let (&[0x93, b'N', b'U', b'M', b'P', b'Y', version, _, a, b], _) = bytes.split_first_chunk()? else { return None };
    if version > 1 {
        // Their length has four bytes, of which a sensible one needs two.
        bytes.resize(12, 0);
        reader.read_exact(&mut bytes[10..]).ok()?;
    }
    let start = bytes.len();
    let length = start + usize::from(u16::from_le_bytes([a, b]));
    if !(1..=3).contains(&version) || bytes[10..].iter().any(|&byte| byte != 0) || length > MAX_HEADER {
        return None;
    }
    bytes.resize(length, 0);
    reader.read_exact(&mut bytes[start..]).ok()?;
    let digits = bytes[10..].iter().filter(|byte| byte.is_ascii_digit()).count();
    (digits <= MAX_HEADER_DIGITS).then_some(bytes)
}

/// Reads a file of f32 or f64 numbers as an f32 tensor on the CPU.
///
/// # Errors
/// When the file can't be read, holds something else, or more than [`MAX_ENTRIES`].
pub fn read(path: &Path) -> Result<Tensor> {
    let wrong = |message: String| Error::content(path, message);
    let file = files::open(path)?;
    let length = file.metadata().map_err(|e| Error::io(path, e))?.len();
    let mut reader = BufReader::new(file);
    let header = Header::read(&mut reader).map_err(wrong)?;
    header.check_length(length).map_err(wrong)?;
    let shape: Vec<usize> = header.shape().iter().map(|&n| n as usize).collect();
    if header.header.len() > MAX_ENTRIES {
        return Err(wrong(format!("shape {shape:?}, but at most {MAX_ENTRIES} entries are read")));
    }
    let fail = |e| Error::io(path, e);
    let entries: Vec<f32> = match header.kind().map_err(wrong)? {
        ('f', 4) => header.numbers::<f32>(reader).map_err(wrong)?.collect::<std::io::Result<_>>().map_err(fail)?,
        ('f', 8) => {
            let entries = header.numbers::<f64>(reader).map_err(wrong)?.map(|entry| entry.map(|entry| entry as f32));
            entries.collect::<std::io::Result<_>>().map_err(fail)?
        }
        _ => return Err(wrong(format!("type {}, but expected f32 or f64", header.type_name()))),
    };
    Ok(Tensor::from_vec(entries, shape, &Device::Cpu)?)
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
