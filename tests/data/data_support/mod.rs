//! Small data files written byte by byte, independently of the code under test.
#![allow(dead_code)] // each test file uses its own part

use std::io::Write;
use std::path::{Path, PathBuf};

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn idx_images(count: u32, height: u32, width: u32, pixels: &[u8]) -> Vec<u8> {
    let header = [2051, count, height, width].map(u32::to_be_bytes);
    [header.as_flattened(), pixels].concat()
}

pub fn idx_labels(labels: &[u8]) -> Vec<u8> {
    [[2049, labels.len() as u32].map(u32::to_be_bytes).as_flattened(), labels].concat()
}

/// Images of 3×2 pixels that are all different: `train` of them to learn from, `test` to test.
pub fn small_idx_folder(train: u32, test: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (prefix, count, offset) in [("train", train, 0), ("t10k", test, 100)] {
        let pixels: Vec<u8> = (0..count * 6).map(|i| ((i * 7 + offset) % 256) as u8).collect();
        let labels: Vec<u8> = (0..count).map(|i| (i % 10) as u8).collect();
        write(folder.path(), &format!("{prefix}-images-idx3-ubyte"), &idx_images(count, 3, 2, &pixels));
        write(folder.path(), &format!("{prefix}-labels-idx1-ubyte"), &idx_labels(&labels));
    }
    folder
}

/// A line of an amat file with the given first pixels, zeros after them, and a label.
pub fn amat_line(first: &[f32], label: &str) -> String {
    let zeros = std::iter::repeat_n("0.0".to_owned(), 784 - first.len());
    let fields: Vec<String> = first.iter().map(f32::to_string).chain(zeros).chain([label.to_owned()]).collect();
    format!("  {}\n", fields.join("  "))
}

/// An array in NumPy's format 1.0.
pub fn npy(descr: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), bytes].concat()
}

pub fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

pub fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Names of a folder's files, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
