//! Masks secrets in text and byte streams, in every form in which they leak.
