//! Files of points.
