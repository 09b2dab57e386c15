//! The attributes that are read. Whatever is not in this list is skipped unseen, whatever its size.

use std::fmt;

/// Group and element number of an attribute.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Tag(pub(super) u32);

impl Tag {
    /// The group number.
    pub(super) const fn group(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// What is known of it, if it is one that is read.
    pub(super) fn wanted(self) -> Option<&'static Wanted> {
        WANTED.binary_search_by_key(&self, |w| w.tag).ok().map(|i| &WANTED[i])
    }

    /// The value representation that its value has, where the file says `written`: the dictionary's, whatever the file
    /// says. Of private attributes only those without any (UN) have it: what else a file says of them may be another
    /// creator's.
    pub(super) fn vr_of_value(self, written: [u8; 2]) -> [u8; 2] {
        let Some(wanted) = self.wanted() else { return written };
        let private = self.group() % 2 == 1;
        let signed_or_not = [*b"US", *b"SS"];
        let allowed = signed_or_not.contains(&wanted.vr) && signed_or_not.contains(&written);
        match written {
            _ if allowed || (private && &written != b"UN") => written,
            _ => wanted.vr,
        }
    }

    /// Whether it is one of Siemens' private headers (CSA), which are large and needed for mosaics only.
    pub(super) fn is_csa(self) -> bool {
        self.0 & 0xffff_f0cf == CSA_IMAGE.0 & 0xffff_f0cf && self.wanted().is_some()
    }

    /// Whether it is of the contours of structures, which may be far larger than any header.
    pub(super) fn is_contour(self) -> bool {
        [STRUCTURE_CONTOURS, CONTOURS, CONTOUR_TYPE, CONTOUR_POINTS, CONTOUR_DATA].contains(&self)
    }

    /// Whether it holds the pixels.
    pub(super) fn is_pixels(self) -> bool {
        [FLOAT_PIXELS, DOUBLE_PIXELS, PIXEL_DATA].contains(&self)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(wanted) = self.wanted() {
            write!(f, "{} ", wanted.keyword)?;
        }
        write!(f, "({:04X},{:04X})", self.group(), self.0 & 0xffff)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An attribute that is read.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) tag: Tag,
    /// The keyword of the standard's dictionary.
    pub(super) keyword: &'static str,
    /// Its value representation, which files in implicit VR do not say.
    pub(super) vr: [u8; 2],
}

macro_rules! tags {
    ($($name:ident = $number:literal $vr:literal $keyword:literal;)*) => {
        $(pub(super) const $name: Tag = Tag($number);)*
        /// In ascending order.
        const WANTED: &[Wanted] = &[$(Wanted { tag: Tag($number), keyword: $keyword, vr: *$vr }),*];
    };
}

tags! {
    MEDIA_CLASS = 0x0002_0002 b"UI" "MediaStorageSOPClassUID";
    TRANSFER_SYNTAX = 0x0002_0010 b"UI" "TransferSyntaxUID";
    IMAGE_TYPE = 0x0008_0008 b"CS" "ImageType";
    SOP_CLASS = 0x0008_0016 b"UI" "SOPClassUID";
    SOP_INSTANCE = 0x0008_0018 b"UI" "SOPInstanceUID";
    ACQUISITION_DATE = 0x0008_0022 b"DA" "AcquisitionDate";
    CONTENT_DATE = 0x0008_0023 b"DA" "ContentDate";
    ACQUISITION_DATE_TIME = 0x0008_002A b"DT" "AcquisitionDateTime";
    ACQUISITION_TIME = 0x0008_0032 b"TM" "AcquisitionTime";
    CONTENT_TIME = 0x0008_0033 b"TM" "ContentTime";
    MODALITY = 0x0008_0060 b"CS" "Modality";
    CODE_VALUE = 0x0008_0100 b"SH" "CodeValue";
    CODE_SCHEME = 0x0008_0102 b"SH" "CodingSchemeDesignator";
    CODE_MEANING = 0x0008_0104 b"LO" "CodeMeaning";
    SERIES_DESCRIPTION = 0x0008_103E b"LO" "SeriesDescription";
    REFERENCED_SERIES = 0x0008_1115 b"SQ" "ReferencedSeriesSequence";
    FRAME_TYPE = 0x0008_9007 b"CS" "FrameType";
    COMPLEX_COMPONENT = 0x0008_9208 b"CS" "ComplexImageComponent";
    PATIENT_ID = 0x0010_0020 b"LO" "PatientID";
    SLICE_THICKNESS = 0x0018_0050 b"DS" "SliceThickness";
    KVP = 0x0018_0060 b"DS" "KVP";
    REPETITION_TIME = 0x0018_0080 b"DS" "RepetitionTime";
    ECHO_TIME = 0x0018_0081 b"DS" "EchoTime";
    INVERSION_TIME = 0x0018_0082 b"DS" "InversionTime";
    ECHO_NUMBER = 0x0018_0086 b"IS" "EchoNumbers";
    SPACING_BETWEEN = 0x0018_0088 b"DS" "SpacingBetweenSlices";
    TRIGGER_TIME = 0x0018_1060 b"DS" "TriggerTime";
    KERNEL = 0x0018_1210 b"SH" "ConvolutionKernel";
    FLIP_ANGLE = 0x0018_1314 b"DS" "FlipAngle";
    PATIENT_POSITION = 0x0018_5100 b"CS" "PatientPosition";
    FRAME_TIME = 0x0018_9074 b"DT" "FrameAcquisitionDateTime";
    GRADIENTS = 0x0018_9076 b"SQ" "DiffusionGradientDirectionSequence";
    EFFECTIVE_ECHO_TIME = 0x0018_9082 b"FD" "EffectiveEchoTime";
    B_VALUE = 0x0018_9087 b"FD" "DiffusionBValue";
    GRADIENT = 0x0018_9089 b"FD" "DiffusionGradientOrientation";
    MR_TIMING = 0x0018_9112 b"SQ" "MRTimingAndRelatedParametersSequence";
    MR_ECHO = 0x0018_9114 b"SQ" "MREchoSequence";
    MR_DIFFUSION = 0x0018_9117 b"SQ" "MRDiffusionSequence";
    CARDIAC = 0x0018_9118 b"SQ" "CardiacSynchronizationSequence";
    MR_FRAME_TYPE = 0x0018_9226 b"SQ" "MRImageFrameTypeSequence";
    CT_RECONSTRUCTION = 0x0018_9314 b"SQ" "CTReconstructionSequence";
    CT_FRAME_TYPE = 0x0018_9329 b"SQ" "CTImageFrameTypeSequence";
    PET_FRAME_TYPE = 0x0018_9751 b"SQ" "PETFrameTypeSequence";
    SIEMENS_CREATOR = 0x0019_0010 b"LO" "SiemensMRHeader";
    MOSAIC_IMAGES = 0x0019_100A b"US" "NumberOfImagesInMosaic";
    SIEMENS_B_VALUE = 0x0019_100C b"IS" "SiemensBValue";
    SIEMENS_GRADIENT = 0x0019_100E b"FD" "SiemensDiffusionGradientDirection";
    GE_GRADIENT_X = 0x0019_10BB b"DS" "GEDiffusionGradientX";
    GE_GRADIENT_Y = 0x0019_10BC b"DS" "GEDiffusionGradientY";
    GE_GRADIENT_Z = 0x0019_10BD b"DS" "GEDiffusionGradientZ";
    STUDY_UID = 0x0020_000D b"UI" "StudyInstanceUID";
    SERIES_UID = 0x0020_000E b"UI" "SeriesInstanceUID";
    SERIES_NUMBER = 0x0020_0011 b"IS" "SeriesNumber";
    ACQUISITION_NUMBER = 0x0020_0012 b"IS" "AcquisitionNumber";
    INSTANCE_NUMBER = 0x0020_0013 b"IS" "InstanceNumber";
    POSITION = 0x0020_0032 b"DS" "ImagePositionPatient";
    ORIENTATION = 0x0020_0037 b"DS" "ImageOrientationPatient";
    FRAME_OF_REFERENCE = 0x0020_0052 b"UI" "FrameOfReferenceUID";
    TEMPORAL_POSITION = 0x0020_0100 b"IS" "TemporalPositionIdentifier";
    STACK_ID = 0x0020_9056 b"SH" "StackID";
    FRAME_CONTENT = 0x0020_9111 b"SQ" "FrameContentSequence";
    PLANE_POSITION = 0x0020_9113 b"SQ" "PlanePositionSequence";
    PLANE_ORIENTATION = 0x0020_9116 b"SQ" "PlaneOrientationSequence";
    TEMPORAL_INDEX = 0x0020_9128 b"UL" "TemporalPositionIndex";
    TRIGGER_DELAY = 0x0020_9153 b"FD" "NominalCardiacTriggerDelayTime";
    FRAME_NUMBER = 0x0020_9156 b"US" "FrameAcquisitionNumber";
    DIMENSIONS = 0x0020_9157 b"UL" "DimensionIndexValues";
    CARDIAC_PERCENT = 0x0020_9241 b"FL" "NominalPercentageOfCardiacPhase";
    SAMPLES = 0x0028_0002 b"US" "SamplesPerPixel";
    PHOTOMETRIC = 0x0028_0004 b"CS" "PhotometricInterpretation";
    PLANAR = 0x0028_0006 b"US" "PlanarConfiguration";
    FRAMES = 0x0028_0008 b"IS" "NumberOfFrames";
    ROWS = 0x0028_0010 b"US" "Rows";
    COLUMNS = 0x0028_0011 b"US" "Columns";
    PIXEL_SPACING = 0x0028_0030 b"DS" "PixelSpacing";
    BITS_ALLOCATED = 0x0028_0100 b"US" "BitsAllocated";
    BITS_STORED = 0x0028_0101 b"US" "BitsStored";
    HIGH_BIT = 0x0028_0102 b"US" "HighBit";
    REPRESENTATION = 0x0028_0103 b"US" "PixelRepresentation";
    PADDING = 0x0028_0120 b"US" "PixelPaddingValue";
    WINDOW_CENTRE = 0x0028_1050 b"DS" "WindowCenter";
    WINDOW_WIDTH = 0x0028_1051 b"DS" "WindowWidth";
    INTERCEPT = 0x0028_1052 b"DS" "RescaleIntercept";
    SLOPE = 0x0028_1053 b"DS" "RescaleSlope";
    RESCALE_TYPE = 0x0028_1054 b"LO" "RescaleType";
    RED_DESCRIPTOR = 0x0028_1101 b"US" "RedPaletteColorLookupTableDescriptor";
    GREEN_DESCRIPTOR = 0x0028_1102 b"US" "GreenPaletteColorLookupTableDescriptor";
    BLUE_DESCRIPTOR = 0x0028_1103 b"US" "BluePaletteColorLookupTableDescriptor";
    RED_TABLE = 0x0028_1201 b"OW" "RedPaletteColorLookupTableData";
    GREEN_TABLE = 0x0028_1202 b"OW" "GreenPaletteColorLookupTableData";
    BLUE_TABLE = 0x0028_1203 b"OW" "BluePaletteColorLookupTableData";
    RED_SEGMENTS = 0x0028_1221 b"OW" "SegmentedRedPaletteColorLookupTableData";
    MODALITY_LUT = 0x0028_3000 b"SQ" "ModalityLUTSequence";
    LUT_DESCRIPTOR = 0x0028_3002 b"US" "LUTDescriptor";
    LUT_TABLE = 0x0028_3006 b"US" "LUTData";
    PIXEL_MEASURES = 0x0028_9110 b"SQ" "PixelMeasuresSequence";
    PIXEL_VALUES = 0x0028_9145 b"SQ" "PixelValueTransformationSequence";
    CSA_IMAGE = 0x0029_1010 b"OB" "CSAImageHeaderInfo";
    CSA_SERIES = 0x0029_1020 b"OB" "CSASeriesHeaderInfo";
    CSA_IMAGE_2 = 0x0029_1110 b"OB" "CSAImageHeaderInfo";
    CSA_SERIES_2 = 0x0029_1120 b"OB" "CSASeriesHeaderInfo";
    CSA_IMAGE_3 = 0x0029_1210 b"OB" "CSAImageHeaderInfo";
    CSA_SERIES_3 = 0x0029_1220 b"OB" "CSASeriesHeaderInfo";
    GE_RAW_TYPE = 0x0043_102F b"SS" "GERawDataType";
    GE_B_VALUE = 0x0043_1039 b"IS" "GEBValue";
    UNITS = 0x0054_1001 b"CS" "Units";
    FRAME_REFERENCE_TIME = 0x0054_1300 b"DS" "FrameReferenceTime";
    SEGMENTATION_TYPE = 0x0062_0001 b"CS" "SegmentationType";
    SEGMENTS = 0x0062_0002 b"SQ" "SegmentSequence";
    SEGMENT_CATEGORY = 0x0062_0003 b"SQ" "SegmentedPropertyCategoryCodeSequence";
    SEGMENT_NUMBER = 0x0062_0004 b"US" "SegmentNumber";
    SEGMENT_LABEL = 0x0062_0005 b"LO" "SegmentLabel";
    SEGMENT_DESCRIPTION = 0x0062_0006 b"ST" "SegmentDescription";
    ALGORITHM_TYPE = 0x0062_0008 b"CS" "SegmentAlgorithmType";
    ALGORITHM_NAME = 0x0062_0009 b"LO" "SegmentAlgorithmName";
    SEGMENT_IDENTIFICATION = 0x0062_000A b"SQ" "SegmentIdentificationSequence";
    REFERENCED_SEGMENT = 0x0062_000B b"US" "ReferencedSegmentNumber";
    MAXIMUM_FRACTION = 0x0062_000E b"US" "MaximumFractionalValue";
    SEGMENT_PROPERTY = 0x0062_000F b"SQ" "SegmentedPropertyTypeCodeSequence";
    TRACKING_ID = 0x0062_0020 b"UT" "TrackingID";
    TRACKING_UID = 0x0062_0021 b"UI" "TrackingUID";
    PHILIPS_B_VALUE = 0x2001_1003 b"FL" "PhilipsBValue";
    PHILIPS_GRADIENT_X = 0x2005_10B0 b"FL" "PhilipsDiffusionDirectionRL";
    PHILIPS_GRADIENT_Y = 0x2005_10B1 b"FL" "PhilipsDiffusionDirectionAP";
    PHILIPS_GRADIENT_Z = 0x2005_10B2 b"FL" "PhilipsDiffusionDirectionFH";
    DOSE_OFFSETS = 0x3004_000C b"DS" "GridFrameOffsetVector";
    DOSE_SCALING = 0x3004_000E b"DS" "DoseGridScaling";
    REFERENCED_FRAMES = 0x3006_0010 b"SQ" "ReferencedFrameOfReferenceSequence";
    RT_REFERENCED_STUDY = 0x3006_0012 b"SQ" "RTReferencedStudySequence";
    RT_REFERENCED_SERIES = 0x3006_0014 b"SQ" "RTReferencedSeriesSequence";
    STRUCTURES = 0x3006_0020 b"SQ" "StructureSetROISequence";
    STRUCTURE_NUMBER = 0x3006_0022 b"IS" "ROINumber";
    STRUCTURE_NAME = 0x3006_0026 b"LO" "ROIName";
    STRUCTURE_DESCRIPTION = 0x3006_0028 b"ST" "ROIDescription";
    STRUCTURE_ALGORITHM = 0x3006_0036 b"CS" "ROIGenerationAlgorithm";
    STRUCTURE_CONTOURS = 0x3006_0039 b"SQ" "ROIContourSequence";
    CONTOURS = 0x3006_0040 b"SQ" "ContourSequence";
    CONTOUR_TYPE = 0x3006_0042 b"CS" "ContourGeometricType";
    CONTOUR_POINTS = 0x3006_0046 b"IS" "NumberOfContourPoints";
    CONTOUR_DATA = 0x3006_0050 b"DS" "ContourData";
    REFERENCED_STRUCTURE = 0x3006_0084 b"IS" "ReferencedROINumber";
    SHARED_GROUPS = 0x5200_9229 b"SQ" "SharedFunctionalGroupsSequence";
    FRAME_GROUPS = 0x5200_9230 b"SQ" "PerFrameFunctionalGroupsSequence";
    FLOAT_PIXELS = 0x7FE0_0008 b"OF" "FloatPixelData";
    DOUBLE_PIXELS = 0x7FE0_0009 b"OD" "DoubleFloatPixelData";
    PIXEL_DATA = 0x7FE0_0010 b"OW" "PixelData";
}

/// Begins an item.
pub(super) const ITEM: Tag = Tag(0xFFFE_E000);
/// Ends an item of unknown length.
pub(super) const ITEM_END: Tag = Tag(0xFFFE_E00D);
/// Ends a sequence of unknown length.
pub(super) const SEQUENCE_END: Tag = Tag(0xFFFE_E0DD);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order() {
        assert!(WANTED.is_sorted_by(|a, b| a.tag < b.tag));
        assert_eq!(POSITION.to_string(), "ImagePositionPatient (0020,0032)");
        assert_eq!(Tag(0x0009_1001).to_string(), "(0009,1001)");
    }
}
