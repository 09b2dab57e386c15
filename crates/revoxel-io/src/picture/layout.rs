//! The roles of the pages of a TIFF file, if its ImageDescription gives them.
//!
//! ImageJ (since 1.42) writes lines `key=value` after `ImageJ=VERSION`; pages are in the order channel (fastest),
//! slice, frame. OME-TIFF has XML with `SizeC`, `SizeZ` and `SizeT`. tifffile writes `{"shape": [...]}`.

use super::PictureError;
use crate::TimeUnit;

/// How the pages of a file are arranged: channel fastest, then slice, then frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Layout {
    pub(super) channels: usize,
    pub(super) frames: usize,
    /// The time step between frames, and its unit if known.
    pub(super) step: Option<(f64, Option<TimeUnit>)>,
}

impl Layout {
    /// Every page is a slice.
    pub(super) const SLICES: Self = Self { channels: 1, frames: 1, step: None };

    /// The number of slices in this many pages.
    pub(super) fn slices(&self, pages: usize) -> usize {
        pages / self.channels / self.frames
    }

    /// The layout of a file with this many pages and samples per pixel.
    pub(super) fn of(description: &[u8], pages: usize, samples: usize) -> Result<Self, PictureError> {
        let text = String::from_utf8_lossy(description);
        let text = text.trim_start_matches('\u{feff}').trim_start();
        match () {
            () if text.starts_with("ImageJ=") => Self::of_imagej(text, pages, samples),
            () if text.starts_with('<') && (text.contains("<OME") || text.contains(":OME ")) => {
                check_ome(text, pages, samples).map(|()| Self::SLICES)
            }
            () if text.starts_with('{') => check_shape(text, samples).map(|()| Self::SLICES),
            () => Ok(Self::SLICES),
        }
    }

    fn of_imagej(text: &str, pages: usize, samples: usize) -> Result<Self, PictureError> {
        let value = |key: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once('='));
            lines.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().to_owned())
        };
        let count = |field: &'static str| match value(field) {
            None => Ok(None),
            Some(text) => match text.parse::<usize>() {
                Ok(number) if number > 0 => Ok(Some(number)),
                _ => Err(PictureError::ImageJNumber { field, value: text.chars().take(40).collect() }),
            },
        };
        let [images, channels, slices, frames] =
            [count("images")?, count("channels")?, count("slices")?, count("frames")?];
        let Some(images) = images else { return Ok(Self::SLICES) };
        if images != pages {
            return Err(PictureError::ImageJPages { images, pages });
        }
        if [channels, slices, frames] == [None; 3] {
            return Ok(Self::SLICES);
        }
        let [channels, slices, frames] = [channels, slices, frames].map(|n| n.unwrap_or(1));
        if channels.checked_mul(slices).and_then(|n| n.checked_mul(frames)) != Some(images) {
            return Err(PictureError::ImageJCounts { images, channels, slices, frames });
        }
        if channels > 1 && frames > 1 {
            return Err(PictureError::ChannelsAndFrames { channels, frames });
        }
        if samples > 1 && (channels > 1 || (frames > 1 && samples == 2)) {
            return Err(PictureError::Unsupported("channels or frames of pages with several samples per pixel"));
        }
        let interval = value("finterval").and_then(|text| text.parse::<f64>().ok());
        let interval = interval.filter(|v| v.is_normal() && *v > 0.0 && frames > 1);
        let step = interval.map(|v| in_unit(v, value("tunit").as_deref().unwrap_or("sec")));
        Ok(Self { channels, frames, step })
    }
}

/// A time in a unit of Facts, if ImageJ's unit is one.
fn in_unit(value: f64, unit: &str) -> (f64, Option<TimeUnit>) {
    match unit.to_lowercase().as_str() {
        "s" | "sec" | "second" | "seconds" => (value, Some(TimeUnit::Second)),
        "ms" | "msec" | "millisecond" | "milliseconds" => (value, Some(TimeUnit::Millisecond)),
        "us" | "usec" | "µs" | "μs" | "\\u00b5s" => (value, Some(TimeUnit::Microsecond)),
        "min" | "minute" | "minutes" => (value * 60.0, Some(TimeUnit::Second)),
        "h" | "hr" | "hour" | "hours" => (value * 3600.0, Some(TimeUnit::Second)),
        _ => (value, None),
    }
}

/// Refuses OME-XML if the pages of a file are not just the slices of one volume.
fn check_ome(text: &str, pages: usize, samples: usize) -> Result<(), PictureError> {
    if pages > 1 && text.contains("<BinaryOnly") {
        return Err(PictureError::OmeElsewhere);
    }
    let elements: Vec<&str> = elements(text).collect();
    if elements.len() > 1 && pages > 1 {
        return Err(PictureError::OmeImages(elements.len()));
    }
    let size = |name: &str| elements.first().and_then(|element| attribute(element, name)?.parse::<usize>().ok());
    let channels = size("SizeC").unwrap_or(1);
    let frames = size("SizeT").unwrap_or(1);
    // SizeC counts the samples of a colour.
    if channels > samples || frames > 1 {
        return Err(PictureError::Ome { channels, frames });
    }
    Ok(())
}

/// The content of `<Pixels …>`, with or without a namespace prefix.
fn elements(text: &str) -> impl Iterator<Item = &str> {
    text.split('<').skip(1).filter_map(|tag| {
        let name = tag.split(|c: char| c.is_whitespace() || c == '>' || c == '/').next()?;
        let local = name.rsplit(':').next()?;
        (local == "Pixels" && tag.len() > name.len() && !tag.starts_with('/'))
            .then(|| tag[name.len()..].split('>').next())?
    })
}

fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let (_, behind) = element.match_indices(name).map(|(at, _)| element.split_at(at)).find(|(before, behind)| {
        before.ends_with(char::is_whitespace) && behind[name.len()..].trim_start().starts_with('=')
    })?;
    let value = behind[name.len()..].trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value[1..].split(quote).next()
}

/// Refuses an array with more than three axes in tifffile's description.
fn check_shape(text: &str, samples: usize) -> Result<(), PictureError> {
    #[derive(serde::Deserialize)]
    struct Shaped {
        shape: Vec<u64>,
    }
    let Ok(Shaped { shape }) = serde_json::from_str(text) else { return Ok(()) };
    let in_page = if samples > 1 { 3 } else { 2 };
    let stacks = shape.iter().rev().skip(in_page).filter(|n| **n > 1).count();
    if stacks > 1 { Err(PictureError::Shaped(shape.into_iter().take(16).collect())) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, pages: usize) -> Result<Layout, String> {
        Layout::of(text.as_bytes(), pages, 1).map_err(|e| e.to_string())
    }

    #[test]
    fn descriptions_of_imagej_say_channels_and_frames() {
        let t = |text: &str, pages, channels, frames| {
            let layout = of(text, pages).unwrap();
            assert_eq!((layout.channels, layout.frames), (channels, frames), "{text}");
            layout.step
        };
        assert_eq!(t("ImageJ=1.53t\nunit=um\n", 4, 1, 1), None);
        assert_eq!(t("ImageJ=1.53t\nimages=4\n", 4, 1, 1), None);
        assert_eq!(t("ImageJ=1.53t\nimages=4\nslices=4\nfinterval=2\n", 4, 1, 1), None);
        assert_eq!(t("ImageJ=1.53t\nimages=6\nchannels=2\nslices=3\nhyperstack=true\n", 6, 2, 1), None);
        let frames = |more: &str| t(&format!("ImageJ=1.53t\r\nimages=6\r\nslices=3\r\nframes=2\r\n{more}"), 6, 1, 2);
        assert_eq!(frames(""), None);
        assert_eq!(frames("finterval=2.5"), Some((2.5, Some(TimeUnit::Second))));
        assert_eq!(frames("finterval=2.5\ntunit=ms"), Some((2.5, Some(TimeUnit::Millisecond))));
        assert_eq!(frames("finterval=2\ntunit=min"), Some((120.0, Some(TimeUnit::Second))));
        assert_eq!(frames("finterval=2\ntunit=beats"), Some((2.0, None)));
        for bad in ["finterval=nan", "finterval=-1", "finterval=0", "finterval=inf", "finterval=x"] {
            assert_eq!(frames(bad), None, "{bad}");
        }
    }

    #[test]
    fn descriptions_of_imagej_that_do_not_fit_are_refused() {
        let e = |text: &str, pages, fragments: &[&str]| {
            let error = of(text, pages).unwrap_err();
            assert!(fragments.iter().all(|f| error.contains(f)), "{error} lacks one of {fragments:?}");
        };
        e("ImageJ=1\nimages=12\nchannels=2\nslices=3\nframes=2", 12, &["2 channels and 2 frames", "Split Channels"]);
        e(
            "ImageJ=1\nimages=12\nchannels=2\nslices=3",
            12,
            &["images is 12", "channels × slices × frames is 2 × 3 × 1"],
        );
        e("ImageJ=1\nimages=900\nslices=900", 1, &["images is 900", "1 page", "4 GB", "Image Sequence"]);
        e("ImageJ=1\nimages=3\nslices=3", 2, &["images is 3", "2 pages"]);
        e("ImageJ=1\nimages=-3", 3, &["images is -3"]);
        e("ImageJ=1\nimages=3\nslices=99999999999999999999999", 3, &["slices is 999"]);
        let huge = usize::MAX;
        e(&format!("ImageJ=1\nimages=4\nchannels={huge}\nslices={huge}\nframes=4"), 4, &["images is 4"]);
        let colours = Layout::of(b"ImageJ=1\nimages=4\nchannels=2\nslices=2", 4, 3).unwrap_err().to_string();
        assert!(colours.contains("several samples"), "{colours}");
        assert_eq!(Layout::of(b"ImageJ=1\nimages=4\nframes=4", 4, 3).unwrap().frames, 4);
        assert_eq!(Layout::of(b"ImageJ=1\nunit=\xb5m", 4, 1), Ok(Layout::SLICES));
    }

    #[test]
    fn descriptions_of_ome_and_tifffile_are_heeded() {
        let ome =
            |pixels: &str| format!("<?xml version=\"1.0\"?><OME xmlns=\"x\"><Image ID=\"0\">{pixels}</Image></OME>");
        let prefixed = "<ome:OME xmlns:ome=\"x\"><ome:Pixels SizeC='1' SizeZ='2' SizeT='1'></ome:Pixels></ome:OME>";
        assert_eq!(of(prefixed, 2), Ok(Layout::SLICES));
        assert_eq!(of(&ome("<Pixels SizeC=\"1\" SizeT=\"1\" SizeZ=\"6\"/>"), 6), Ok(Layout::SLICES));
        let colour = ome("<Pixels\n SizeC = \"3\" SizeT=\"1\"><Channel SamplesPerPixel=\"3\"/></Pixels>");
        assert_eq!(Layout::of(colour.as_bytes(), 2, 3), Ok(Layout::SLICES));
        let error = of(&colour, 3).unwrap_err();
        assert!(error.contains("SizeC is 3 and SizeT is 1") && error.contains("bfconvert -channel"), "{error}");
        assert!(of(&ome("<Pixels SizeT=\"4\">"), 4).unwrap_err().contains("SizeT is 4"));
        assert!(of(&prefixed.replace("'1'></", "'5'></"), 2).unwrap_err().contains("SizeT is 5"));
        let two = ome("<Pixels SizeC=\"1\"></Pixels></Image><Image><Pixels SizeC=\"1\"></Pixels>");
        assert!(of(&two, 2).unwrap_err().contains("2 images"));
        assert!(of("<OME><BinaryOnly MetadataFile=\"a\"/></OME>", 2).unwrap_err().contains("another file"));
        for odd in
            ["<OME", "<OME <Pixels", "<OME><Pixels SizeC", "<OME><Pixels SizeC=", "<OME><Pixels SizeC=\"é", "<OME><é/>"]
        {
            assert_eq!(of(odd, 2), Ok(Layout::SLICES), "{odd}");
        }
        assert_eq!(of("{\"shape\": [6, 4, 5]}", 6), Ok(Layout::SLICES));
        assert_eq!(of("{\"shape\": [1, 6, 1, 4, 5]}", 6), Ok(Layout::SLICES));
        assert!(of("{\"shape\": [2, 3, 4, 5]}", 6).unwrap_err().contains("[2, 3, 4, 5]"));
        assert_eq!(Layout::of(b"{\"shape\": [6, 4, 5, 3]}", 6, 3), Ok(Layout::SLICES));
        assert_eq!(of("{\"shape\": 3}", 6), Ok(Layout::SLICES));
    }
}
