//! Pictures for samples and tests: real PNG files in the sizes that Apple takes.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

type Sizes = BTreeMap<(u32, u32, u32), Vec<u8>>;

/// A screenshot of an app that is not: a card with rows of bars on a gradient, so that pictures differ at a glance.
///
/// `number` chooses the color and the number of bars. Each picture is drawn once a process.
#[must_use]
pub fn screenshot(width: u32, height: u32, number: u32) -> Vec<u8> {
    static DRAWN: Mutex<Sizes> = Mutex::new(BTreeMap::new());
    let mut drawn = DRAWN.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (width, height, number);
    drawn
        .entry(key)
        .or_insert_with(|| draw(width, height, number))
        .clone()
}

fn draw(width: u32, height: u32, number: u32) -> Vec<u8> {
    const COLORS: [[u8; 3]; 6] = [
        [28, 100, 242],
        [14, 159, 110],
        [217, 70, 39],
        [126, 58, 242],
        [191, 144, 0],
        [12, 128, 148],
    ];
    const CARD: [u8; 3] = [250, 250, 252];
    /// Steps of the gradient; rows of one step are alike.
    const STEPS: u32 = 24;
    let color = COLORS[number as usize % COLORS.len()];
    let (width_of, height) = (width as usize, height.max(STEPS));
    let mut pixels = Vec::with_capacity(width_of * height as usize * 3);
    for step in 0..STEPS {
        let shade =
            |part: u8| u8::try_from(u32::from(part) * (2 * STEPS - step) / (2 * STEPS)).unwrap_or(part);
        let ground = color.map(shade);
        let is_card = (6..STEPS - 3).contains(&step);
        let bar = (step >= 8 && step % 2 == 0 && (step - 8) / 2 <= number % 6).then_some(4 + step / 2 % 2);
        let mut row = vec![ground; width_of];
        if is_card {
            row[width_of / 10..width_of - width_of / 10].fill(CARD);
            if let Some(sixths) = bar {
                row[width_of / 6..width_of * sixths as usize / 6].fill(color);
            }
        }
        let row = row.concat();
        let rows = height * (step + 1) / STEPS - height * step / STEPS;
        (0..rows).for_each(|_| pixels.extend_from_slice(&row));
    }
    encode(width, height, png::ColorType::Rgb, &pixels)
}

/// A picture with an alpha channel, which Apple does not take.
#[must_use]
pub fn transparent(width: u32, height: u32) -> Vec<u8> {
    let pixels = vec![128; (width * height * 4) as usize];
    encode(width, height, png::ColorType::Rgba, &pixels)
}

fn encode(width: u32, height: u32, color: png::ColorType, pixels: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    // Writing to memory fails for sizes only that no caller asks for.
    let written = encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(pixels));
    debug_assert!(written.is_ok(), "the picture is one");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_have_their_size_and_differ_by_number() {
        let first = screenshot(320, 640, 1);
        let size = imagesize::blob_size(&first).unwrap();
        assert_eq!((size.width, size.height), (320, 640));
        assert_ne!(first, screenshot(320, 640, 2));
        assert!(first.len() < 20_000, "{} bytes", first.len());
    }
}
