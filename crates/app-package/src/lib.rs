//! Reads what an .ipa or .pkg says about itself, without unpacking it.
