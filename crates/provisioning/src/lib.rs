//! What must be true on the portal for a project to be signed, and how to get there.
