//! Which Apple developer account, and from where.
