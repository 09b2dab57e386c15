//! Errors of pictures.

use std::path::PathBuf;

use crate::setting::Setting;

/// Why pictures cannot be read as a volume.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// The voxel size is unknown.
    #[error(
        "pictures have no voxel size: pass `spacing: [x, y, z]` in mm, or write {0} with \
         {{\"spacing\": [z, y, x]}}"
    )]
    NoSpacing(PathBuf),
    /// A sidecar without a valid voxel size.
    #[error(
        "the sidecar {path} must contain {{\"spacing\": [z, y, x]}}, three positive numbers in mm, slices first: {why}"
    )]
    Sidecar {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A voxel size that is not positive.
    #[error("spacing is {0:?}: must be three positive numbers in mm (x, y, z)")]
    Spacing([f64; 3]),
    /// A page unlike the first.
    #[error("{found}, but {first}: all pictures of a volume must have the same size and type")]
    Unlike {
        /// Size, channels and voxel type of the page.
        found: String,
        /// Those of the first, with the name of its file.
        first: String,
    },
    /// Known, but not supported.
    #[error("{0} are not supported: save as 8- or 16-bit grey or RGB")]
    Unsupported(&'static str),
    /// An error of the decoder.
    #[error("cannot be decoded: {0}")]
    Decode(String),
    /// All pages are thumbnails or masks.
    #[error("all pages ({0}) are thumbnails or masks (NewSubfileType): save the full images without that tag")]
    OnlyAside(usize),
    /// Some pages swap rows and columns and others do not, and the pixels are not square.
    #[error(
        "Orientation swaps rows and columns of some pages only, and pixels are not square: save all pages with the \
         same orientation"
    )]
    MixedTurns,
    /// A field of ImageJ's description that is not a number.
    #[error("ImageJ's {field} is {value}: must be a whole number above 0")]
    ImageJNumber {
        /// The key.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// ImageJ's description does not match the number of pages.
    #[error("ImageJ's images is {images}, but the file has {pages} {}: {}",
        if *pages == 1 { "page" } else { "pages" },
        if images > pages && *pages == 1 {
            "ImageJ stores stacks beyond 4 GB in a single page; save with File > Save As > Image Sequence"
        } else {
            "save it again with ImageJ"
        }
    )]
    ImageJPages {
        /// Pages according to the description.
        images: usize,
        /// Pages in the file.
        pages: usize,
    },
    /// The numbers in ImageJ's description contradict each other.
    #[error(
        "ImageJ's images is {images}, but channels × slices × frames is {channels} × {slices} × {frames}: save it again \
         with ImageJ"
    )]
    ImageJCounts {
        /// Pages.
        images: usize,
        /// Channels.
        channels: usize,
        /// Slices.
        slices: usize,
        /// Frames.
        frames: usize,
    },
    /// Both channels and frames.
    #[error(
        "ImageJ's description says {channels} channels and {frames} frames: save each channel as a separate file \
         (Image > Color > Split Channels)"
    )]
    ChannelsAndFrames {
        /// Channels.
        channels: usize,
        /// Frames.
        frames: usize,
    },
    /// Files of one folder that hold different channels, or frames.
    #[error(
        "ImageJ's description says {found}, but {first}: all files of a folder must have the same channels, and frames \
         must be in a single file"
    )]
    UnlikeLayout {
        /// Channels and frames of the file.
        found: String,
        /// Those of the first, with its name.
        first: String,
    },
    /// Several channels or points in time of an OME-TIFF file.
    #[error(
        "OME-XML says SizeC is {channels} and SizeT is {frames}: write one channel and one time point per file, for \
         example with `bfconvert -channel 0 -timepoint 0 in.ome.tif out.tif`"
    )]
    Ome {
        /// SizeC.
        channels: usize,
        /// SizeT.
        frames: usize,
    },
    /// Several images in an OME-TIFF file.
    #[error(
        "OME-XML describes {0} images: write one per file, for example with `bfconvert -series 0 in.ome.tif out.tif`"
    )]
    OmeImages(usize),
    /// The description is not in the file.
    #[error(
        "OME-XML is in another file (BinaryOnly), so the order of the pages is unknown: write one channel and one time \
         point per file, for example with `bfconvert -channel 0 -timepoint 0 in.companion.ome out.tif`"
    )]
    OmeElsewhere,
    /// tifffile describes an array with more axes than a volume.
    #[error("the description says that the shape is {0:?}: write one file per volume of three axes")]
    Shaped(Vec<u64>),
    /// Several series in one folder.
    #[error(
        "the folder contains {count} series of pictures: choose one by number or file name with `series:`, \
         or move each into its own folder{list}"
    )]
    SeveralSeries {
        /// How many.
        count: usize,
        /// Their names and sizes, a line each.
        list: String,
    },
    /// No series matches the choice.
    #[error("no series of pictures matches {asked}: choose one by number or file name{list}")]
    NoSuchSeries {
        /// The choice.
        asked: String,
        /// Names and sizes of the series, a line each.
        list: String,
    },
    /// The choice uses a property that pictures do not have.
    #[error(
        "series is {0}: pictures have no uid, description, modality or number; choose by file name (* is any text), by \
         number in the list, or with min_slices and largest"
    )]
    Choice(String),
    /// Two pictures have the same number.
    #[error(
        "{first} and {second} have the same number: choose files by name with `series:` (* is any text, ? \
         any character), or move them into different folders"
    )]
    SameNumber {
        /// A file.
        first: String,
        /// Another one.
        second: String,
    },
}

impl PictureError {
    pub(crate) const fn settings(&self) -> &'static [Setting] {
        match self {
            Self::NoSpacing(_) => &[Setting::Spacing],
            Self::SeveralSeries { .. } | Self::SameNumber { .. } => &[Setting::Series],
            _ => &[],
        }
    }
}
