//! The published sets: where they are, and by what they're known.

use super::super::cifar::{CIFAR10, CIFAR100};
use super::super::idx;
use super::checksum::Checksum;
use super::contents::Holds;
use super::unpack::Format;

/// A published set.
pub(super) struct Published {
    pub name: &'static str,
    /// Base addresses, the publisher's first.
    pub bases: &'static [&'static str],
    pub content: Content,
}

/// What there is at a set's addresses.
pub(super) enum Content {
    /// The gzip-compressed files of [`idx::FILES`], known by these checksums.
    Idx([Checksum; 4]),
    /// One archive.
    Archive(Archive),
}

/// A published archive.
pub(super) struct Archive {
    pub name: &'static str,
    pub format: Format,
    /// The most bytes that are downloaded.
    pub most: u64,
    pub checksum: Option<Checksum>,
    pub holds: Holds,
}

// Plain http is good enough where the content is checked against known hashes.
pub(super) static PUBLISHED: [Published; 7] = [
    Published {
        name: "mnist",
        bases: &[
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ],
        content: Content::Idx(unpacked(idx::MNIST_SHA256)),
    },
    Published {
        name: "fashion-mnist",
        bases: &[
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ],
        content: Content::Idx(unpacked(idx::FASHION_MNIST_SHA256)),
    },
    Published {
        name: "kmnist",
        bases: &["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"],
        content: Content::Idx([
            Checksum::Md5("bdb82020997e1d708af4cf47b453dcf7"),
            Checksum::Md5("e144d726b3acfaa3e44228e80efcd344"),
            Checksum::Md5("5c965bf0a639b31b8f53240b1b52f4d7"),
            Checksum::Md5("7320c461ea6c1c855c0b718fb2a4b134"),
        ]),
    },
    Published {
        name: "mnist-rot",
        bases: &["http://www.iro.umontreal.ca/~lisa/icml2007data/"],
        content: Content::Archive(Archive {
            name: "mnist_rotation_new.zip",
            format: Format::Zip,
            // It has about 60 MB.
            most: 128 << 20,
            checksum: None,
            holds: Holds::RotMnist,
        }),
    },
    Published {
        name: "emnist",
        bases: &["https://biometrics.nist.gov/cs_links/EMNIST/"],
        content: Content::Archive(Archive {
            name: "gzip.zip",
            format: Format::Zip,
            // It has about 560 MB.
            most: 640 << 20,
            checksum: Some(Checksum::Md5("58c8d27c78d21e728a6bc7b3cc06412e")),
            holds: Holds::Emnist,
        }),
    },
    Published {
        name: "cifar10",
        bases: &["https://www.cs.toronto.edu/~kriz/"],
        content: Content::Archive(Archive {
            name: "cifar-10-binary.tar.gz",
            format: Format::TarGz,
            most: 170_052_171,
            checksum: Some(Checksum::Sha256("c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd")),
            holds: Holds::Cifar(&CIFAR10),
        }),
    },
    Published {
        name: "cifar100",
        bases: &["https://www.cs.toronto.edu/~kriz/"],
        content: Content::Archive(Archive {
            name: "cifar-100-binary.tar.gz",
            format: Format::TarGz,
            most: 168_513_733,
            checksum: Some(Checksum::Md5("03b5dce01913d631647c71ecec9e9cb8")),
            holds: Holds::Cifar(&CIFAR100),
        }),
    },
];

/// The checksums of a set of MNIST's lengths by the SHA-256 of its files' content.
const fn unpacked([a, b, c, d]: [&'static str; 4]) -> [Checksum; 4] {
    let [m, n, o, p] = idx::PUBLISHED_LENGTHS;
    [Checksum::Unpacked(a, m), Checksum::Unpacked(b, n), Checksum::Unpacked(c, o), Checksum::Unpacked(d, p)]
}
