//! Formats that are recognised but not read, so that the error can name them and say how to convert them.

use std::path::Path;

/// A format that is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unread {
    /// Its name.
    pub(crate) format: &'static str,
    /// How to convert it.
    pub(crate) how: &'static str,
}

const fn unread(format: &'static str, how: &'static str) -> Option<Unread> {
    Some(Unread { format, how })
}

const UNPACK: &str = "unpack it first";
const MINC: &str =
    "convert it with `mnc2nii in.mnc out.nii` (MINC tools) or `mri_convert in.mnc out.nii.gz` (FreeSurfer)";
const AFNI: &str = "convert it with `3dAFNItoNIFTI -prefix out.nii.gz in+orig.HEAD` (AFNI)";
const PAR: &str = "convert it with `dcm2niix in.PAR` or `parrec2nii in.PAR` (nibabel), or export DICOM";
const VTK: &str =
    "convert it with SimpleITK (`WriteImage(ReadImage(\"in.vtk\"), \"out.nii.gz\")`), or save it as MetaImage";
const ZARR: &str = "write one resolution level as NIfTI, for example with ngff-zarr and SimpleITK";
const HDF5: &str = "if it is MINC, convert it with `mnc2nii in.mnc out.nii` (MINC tools); else write the \
                    array as NIfTI with its affine";

/// The unsupported format of a file, by its first bytes (decoded if it is compressed) or, if a format's values have no
/// signature, by the header beside it.
pub(crate) fn of(path: &Path, first_bytes: &[u8]) -> Option<Unread> {
    let text = || String::from_utf8_lossy(first_bytes);
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    match first_bytes {
        [0x89, b'H', b'D', b'F', b'\r', b'\n', 0x1a, b'\n', ..] => match name.contains(".mnc") {
            true => unread("MINC 2", MINC),
            false => unread("HDF5", HDF5),
        },
        _ if cfg!(not(feature = "dicom")) && first_bytes.get(128..132) == Some(b"DICM") => {
            unread("DICOM", "this program was built without the feature `dicom`")
        }
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => unread("xz compression", UNPACK),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => unread("Zstandard compression", UNPACK),
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => unread("the archive format 7z", UNPACK),
        [b'R', b'a', b'r', b'!', 0x1a, 7, ..] => unread("the archive format RAR", UNPACK),
        [b'C', b'D', b'F', 1 | 2, ..] => unread("MINC 1 (netCDF)", MINC),
        _ if first_bytes.starts_with(b"# vtk DataFile") => unread("VTK", VTK),
        _ if first_bytes.starts_with(b"<?xml") || first_bytes.starts_with(b"<VTKFile") => match text() {
            text if text.contains("<VTKFile") => unread("VTK (XML)", VTK),
            text if text.contains("<GIFTI") => unread("GIFTI", "it contains surfaces, not a volume"),
            _ => None,
        },
        _ if first_bytes.starts_with(b"MATRIX7") => {
            unread("ECAT 7", "convert it with `mri_convert in.v out.nii.gz` (FreeSurfer) or nibabel")
        }
        _ if first_bytes.starts_with(b"!INTERFILE") => unread("Interfile", "convert it with medcon (XMedCon)"),
        _ if first_bytes.starts_with(b"MATLAB 5.0 MAT-file") => {
            unread("MATLAB", "write the array as NIfTI with its affine (`niftiwrite`)")
        }
        _ if is_par(&text()) => unread("Philips PAR/REC", PAR),
        _ if is_afni(&text()) => unread("AFNI HEAD/BRIK", AFNI),
        _ if name.contains(".brik") && has_beside(path, &["HEAD", "head"]) => unread("AFNI HEAD/BRIK", AFNI),
        _ if name.ends_with(".rec") && has_beside(path, &["PAR", "par"]) => unread("Philips PAR/REC", PAR),
        _ => None,
    }
}

/// The unsupported format that a folder holds, if it is not a series.
pub(crate) fn of_folder(path: &Path) -> Option<Unread> {
    let is_zarr = [".zgroup", ".zattrs", ".zarray", "zarr.json"].iter().any(|name| path.join(name).is_file());
    if is_zarr { unread("OME-Zarr", ZARR) } else { None }
}

fn is_par(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.next().is_some_and(|line| line.starts_with("# === DATA DESCRIPTION FILE"))
}

/// Attributes of AFNI: their type, then their name.
fn is_afni(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty()).map(|line| line.split('=').map(str::trim));
    let mut is = |key: &str, values: &[&str]| {
        let Some(mut line) = lines.next() else { return false };
        line.next() == Some(key) && line.next().is_some_and(|v| values.is_empty() || values.contains(&v))
    };
    is("type", &["string-attribute", "integer-attribute", "float-attribute"]) && is("name", &[])
}

/// Whether a file of the same name with another extension is beside this one (`a+orig.BRIK.gz` has `a+orig.HEAD`).
fn has_beside(path: &Path, extensions: &[&str]) -> bool {
    let stem = if path.extension().is_some_and(|e| e == "gz") { path.with_extension("") } else { path.to_owned() };
    extensions.iter().any(|extension| stem.with_extension(extension).is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    #[test]
    fn formats_that_are_not_read_are_named_with_a_way_to_convert_them() {
        let folder = tempfile::tempdir().unwrap();
        let hdf = b"\x89HDF\r\n\x1a\n\0\0\0\0";
        let afni = b"\ntype  = string-attribute\nname  = TYPESTRING\ncount = 15\n'3DIM_HEAD_ANAT~\n";
        let par = b"# === DATA DESCRIPTION FILE ======================================================\n#\n";
        let vtk = b"# vtk DataFile Version 3.0\nVTK File Generated by ITK\nBINARY\nDATASET STRUCTURED_POINTS\n";
        for (name, content, format, how) in [
            ("a.mnc", &hdf[..], "MINC 2", "mnc2nii"),
            ("a.nii", hdf, "HDF5", "mnc2nii"),
            ("b.mnc", b"CDF\x01\0\0\0\0", "MINC 1", "mnc2nii"),
            ("c+orig.HEAD", afni, "AFNI HEAD/BRIK", "3dAFNItoNIFTI"),
            ("c+orig.BRIK", &[0; 64], "AFNI HEAD/BRIK", "3dAFNItoNIFTI"),
            ("d.PAR", par, "Philips PAR/REC", "dcm2niix"),
            ("d.REC", &[1; 64], "Philips PAR/REC", "dcm2niix"),
            ("e.vtk", vtk, "VTK", "SimpleITK"),
            ("e.vti", b"<?xml version=\"1.0\"?>\n<VTKFile type=\"ImageData\">", "VTK (XML)", "SimpleITK"),
            ("f.gii", b"<?xml version=\"1.0\"?>\n<GIFTI Version=\"1.0\">", "GIFTI", "surfaces"),
        ] {
            fs::write(folder.path().join(name), content).unwrap();
            let error = crate::info(folder.path().join(name)).unwrap_err().to_string();
            assert!(
                error.contains(name)
                    && error.contains(format)
                    && error.contains("is not supported: ")
                    && error.contains(how),
                "{error}"
            );
        }
        let zarr = folder.path().join("g.ome.zarr");
        fs::create_dir(&zarr).unwrap();
        fs::write(zarr.join(".zattrs"), "{}").unwrap();
        let error = crate::info(&zarr).unwrap_err().to_string();
        assert!(error.contains("OME-Zarr is not supported") && error.contains("NIfTI"), "{error}");
        fs::write(folder.path().join("h.txt"), "type = a\n").unwrap();
        let error = crate::info(folder.path().join("h.txt")).unwrap_err().to_string();
        assert!(error.contains("unknown format"), "{error}");
        fs::write(folder.path().join("lone.BRIK"), [0; 64]).unwrap();
        assert!(crate::info(folder.path().join("lone.BRIK")).unwrap_err().to_string().contains("unknown format"));
    }
}
