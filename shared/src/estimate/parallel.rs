//! Independent work on all processors.

use std::num::NonZero;

/// Applies `work` to all items, on as many threads as there are processors; the results keep the items' order, so that
/// the number of threads changes nothing but the time.
pub(crate) fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(items.len().max(1));
    // Neighbours take about as long as each other: dealt out in turn, no thread gets all that are slow.
    let mut results: Vec<Option<R>> = std::iter::repeat_with(|| None).take(items.len()).collect();
    std::thread::scope(|scope| {
        let work = &work;
        let deal = |thread: usize| items.iter().skip(thread).step_by(threads);
        let running: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || deal(thread).map(work).collect::<Vec<R>>()))
            .collect();
        for (thread, running) in running.into_iter().enumerate() {
            match running.join() {
                Ok(done) => {
                    for (place, result) in results.iter_mut().skip(thread).step_by(threads).zip(done) {
                        *place = Some(result);
                    }
                }
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    results.into_iter().flatten().collect()
}
