//! The composition root: configuration in, running service out.
