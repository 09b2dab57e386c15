//! What can be wrong with pictures.

use std::path::PathBuf;

/// Why pictures cannot be read as a volume.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// Nobody says how large the voxels are.
    #[error(
        "pictures do not say how large their voxels are: pass --spacing X,Y,Z in mm (in a pipeline `spacing: [x, y, z]` at \
         the input), or write {0} with {{\"spacing\": [z, y, x]}}"
    )]
    NoSpacing(PathBuf),
    /// A sidecar that does not say it.
    #[error("the sidecar {path} needs {{\"spacing\": [z, y, x]}}, three positive numbers in mm, slices first: {why}")]
    Sidecar {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A voxel size that is not positive.
    #[error("spacing is {0:?}: three positive numbers in mm are needed (x, y, z)")]
    Spacing([f64; 3]),
    /// A page unlike the first.
    #[error("{found}, but {first}: pictures of one volume must be alike")]
    Unlike {
        /// Size, channels and voxel type of the page.
        found: String,
        /// Those of the first, with the name of its file.
        first: String,
    },
    /// Known, but not supported.
    #[error("{0} are not supported: save it as 8 or 16 bits of grey or RGB")]
    Unsupported(&'static str),
    /// The decoder refuses.
    #[error("cannot be decoded: {0}")]
    Decode(String),
    /// All pages are thumbnails or masks.
    #[error("all of its pages ({0}) are thumbnails or masks (NewSubfileType): save the full images without that tag")]
    OnlyAside(usize),
    /// Pages that swap rows and columns among others that do not, of pixels that are not square.
    #[error(
        "Orientation swaps rows and columns of some pages, but not of all, and pixels are not square: turn them all alike"
    )]
    MixedTurns,
    /// A field of ImageJ's description that is not a number.
    #[error("ImageJ's {field} is {value}: a whole number above 0 is needed")]
    ImageJNumber {
        /// The key.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// ImageJ's description speaks of other pages than there are.
    #[error("ImageJ's images is {images}, but the file has {pages} {}: {}",
        if *pages == 1 { "page" } else { "pages" },
        if images > pages && *pages == 1 {
            "ImageJ keeps the pixels of stacks beyond 4 GB behind one page; save it with File > Save As > Image Sequence"
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
        "ImageJ's description says {channels} channels and {frames} frames: save each channel as a file of its own \
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
        "ImageJ's description says {found}, but {first}: files of one folder must have the same channels, and frames \
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
        "OME-XML says that SizeC is {channels} and SizeT is {frames}: write one channel at one time to each file, for \
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
        "OME-XML describes {0} images: write each to a file, for example with `bfconvert -series 0 in.ome.tif out.tif`"
    )]
    OmeImages(usize),
    /// The description is not in the file.
    #[error(
        "OME-XML is in another file (BinaryOnly), so the order of the pages is not known: write one channel at one time to \
         each file, for example with `bfconvert -channel 0 -timepoint 0 in.companion.ome out.tif`"
    )]
    OmeElsewhere,
    /// An array of more axes than a volume has, as tifffile describes it.
    #[error("its description says that its shape is {0:?}: write a file for each volume of three axes")]
    Shaped(Vec<u64>),
    /// Several series in one folder.
    #[error(
        "{count} series of pictures are in one folder: choose one with `--series` by its number or the name of its files \
         (`series:` on an input), or move each into a folder of its own{list}"
    )]
    SeveralSeries {
        /// How many.
        count: usize,
        /// Their names and sizes, a line each.
        list: String,
    },
    /// A choice that nothing fits.
    #[error("no series of pictures fits {asked}: choose one by its number or the name of its files{list}")]
    NoSuchSeries {
        /// The choice.
        asked: String,
        /// Names and sizes of the series, a line each.
        list: String,
    },
    /// A choice by what pictures do not have.
    #[error(
        "series is {0}: pictures have no uid, description, modality or number; choose them by the name of their files, \
         with * for any text, by their place in the list, or with min_slices and largest"
    )]
    Choice(String),
    /// Two pictures of one number.
    #[error(
        "{first} and {second} have the same number: choose some of the files by their names with `--series` (`series:` on \
         an input; * is any text, ? any character), or move them into different folders"
    )]
    SameNumber {
        /// A file.
        first: String,
        /// Another one.
        second: String,
    },
}
