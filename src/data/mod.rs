//! Images and labels: sources, rotation, augmentation.
