//! What a training step allocates once the memory of the first steps is used again.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use candle_core::{DType, Device, Result, Tensor, Var};
use equisplit::kernel::{Activation, FeatureMap, Window, Workspace};

thread_local! {
    /// Number and bytes of this thread's allocations, if they are counted.
    static COUNTED: Cell<Option<[usize; 2]>> = const { Cell::new(None) };
}

struct Counting;

// SAFETY: the system's allocator with a count beside it, which allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNTED.set(COUNTED.get().map(|[number, bytes]| [number + 1, bytes + layout.size()]));
        // SAFETY: what the caller has promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: what the caller has promised.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const BATCH: usize = 64;
const MAPS: usize = 16;

/// The gradients of a net with all kinds of convolutions, a norm and pools.
fn step(workspace: &Workspace, images: &Tensor, parameters: &[Var]) -> Result<()> {
    let [w3, w5, w7, strided, gamma, beta] = parameters else { candle_core::bail!("six parameters") };
    let same = |padding| Window { stride: 1, padding };
    let maps = FeatureMap::from_images(images, workspace, true)?;
    let maps = maps.conv2d(w3, same(1))?.normalise([gamma, beta], 1e-5, Activation::Relu)?.0;
    let maps = maps.conv2d(w5, same(2))?.max_pool2d(3, Window { stride: 2, padding: 1 })?.conv2d(w7, same(3))?;
    let maps = maps.conv2d(strided, Window { stride: 2, padding: 1 })?.max_over_fields(4)?.max_over_pixels()?;
    let output = maps.output()?;
    let loss = output.tensor().sqr()?.sum_all()?;
    output.backward(&loss).map(drop)
}

/// Number and bytes of allocations in the fifth step with images of so many pixels in each direction.
fn allocations(size: usize) -> [usize; 2] {
    let random = |shape: &[usize]| Tensor::randn(0f32, 0.1, shape, &Device::Cpu).unwrap();
    let filters = |kernel| [MAPS, MAPS, kernel, kernel].to_vec();
    let shapes = [filters(3), filters(5), filters(7), filters(4), vec![MAPS / 4], vec![MAPS / 4]];
    let parameters = shapes.map(|shape| Var::from_tensor(&random(&shape)).unwrap());
    let images = random(&[BATCH, MAPS, size, size]);
    let workspace = Workspace::default();
    for _ in 0..4 {
        step(&workspace, &images, &parameters).unwrap();
    }
    COUNTED.set(Some([0; 2]));
    step(&workspace, &images, &parameters).unwrap();
    COUNTED.take().unwrap()
}

/// Maps, and lists as long as there are pixels, are in memory that is used again; what is left are candle's tensors, as many
/// and as large as the parameters, and small lists.
#[test]
fn a_step_allocates_no_more_for_larger_images() {
    // On a thread that isn't the test's, which nothing else allocates on.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let [small, large] = [24, 40].map(|size| pool.install(|| allocations(size)));
    let layer = BATCH * MAPS * 40 * 40 * DType::F32.size_in_bytes();
    println!("24² pixels: {small:?}, 40² pixels: {large:?}; one layer's maps have {layer} bytes");
    assert_eq!(small, large);
    assert!(large[1] < layer / 4, "{} of {layer} bytes", large[1]);
}
