//! One HTTP client policy: time-outs, retries, limits.
