//! The pool of KV cache blocks: what is free, what is cached, what is evicted first.
//!
//! The rules are vLLM's (`vllm/v1/core/block_pool.py` and `single_type_kv_cache_manager.py` of 0.32.0): blocks
//! without a hash are reused first, cached blocks that nobody references are evicted in the order in which they
//! were freed, a request frees its blocks from tail to head, and a hit takes a block out of the queue.
//!
//! Only blocks that somebody can find again need an identity: whole blocks of the common prefix, and those of a
//! preempted request, which only that request can find. All others are counted. A request therefore costs a few
//! operations and not one a block, and counting is exact: which of several interchangeable blocks is taken
//! changes no later decision.

use std::collections::VecDeque;

/// Blocks of one engine (one attention-data-parallel rank).
#[derive(Debug, Clone)]
pub(super) struct BlockPool {
    total: u64,
    caching: bool,
    /// Free blocks that hold nothing to be found again.
    blank: u64,
    /// Free blocks that are still in the prefix cache.
    cached: u64,
    /// Cached blocks without references, first evicted first.
    queue: VecDeque<Cached>,
    /// How many entries have left the front of `queue`: entry `id` stands at `id − departed`.
    departed: u64,
    /// For each block of the common prefix: its copies, earliest first.
    prefix: Vec<Vec<u32>>,
    copies: Vec<Copy>,
    unused_copies: Vec<u32>,
    /// For each request: where its own cached blocks stand in the queue, since it was preempted.
    own: Vec<Option<u64>>,
}

/// Neighbouring entries of the eviction queue.
#[derive(Debug, Clone)]
struct Cached {
    blocks: u32,
    of: Owner,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Owner {
    /// A finished request: nobody will ask for them again.
    Nobody,
    /// A preempted request: its own blocks, the tail evicted first, so that what remains is a prefix.
    Request(u32),
    /// One copy of a block of the common prefix.
    Prefix(u32),
}

/// One copy of a block of the common prefix.
#[derive(Debug, Clone)]
struct Copy {
    index: u32,
    references: u32,
    queued: Option<u64>,
}

/// What a request finds in the prefix cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Found {
    /// Blocks of the common prefix.
    pub(super) prefix: u32,
    /// Blocks of its own, computed before it was preempted.
    pub(super) own: u32,
    /// Those of both that nobody references: they count as free until they are taken.
    pub(super) unreferenced: u64,
}

impl Found {
    /// All blocks found.
    pub(super) fn blocks(self) -> u32 {
        self.prefix + self.own
    }
}

impl BlockPool {
    pub(super) fn new(total: u64, caching: bool) -> Self {
        Self {
            total,
            caching,
            blank: total,
            cached: 0,
            queue: VecDeque::new(),
            departed: 0,
            prefix: Vec::new(),
            copies: Vec::new(),
            unused_copies: Vec::new(),
            own: Vec::new(),
        }
    }

    /// Blocks that can be taken, cached ones included.
    pub(super) fn free(&self) -> u64 {
        self.blank + self.cached
    }

    /// Blocks held by requests.
    pub(super) fn used(&self) -> u64 {
        self.total - self.free()
    }

    /// All blocks.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Takes `blocks`, evicting where nothing blank is left. The caller has seen that they are free.
    pub(super) fn take(&mut self, blocks: u64) {
        debug_assert!(blocks <= self.free(), "{blocks} blocks of {} free", self.free());
        let blank = blocks.min(self.blank);
        self.blank -= blank;
        let mut evicted = blocks - blank;
        self.cached = self.cached.saturating_sub(evicted);
        while evicted > 0 {
            let Some(front) = self.queue.front_mut() else { return };
            let taken = evicted.min(u64::from(front.blocks));
            front.blocks -= taken as u32;
            evicted -= taken;
            if front.blocks > 0 {
                return;
            }
            let owner = std::mem::replace(&mut front.of, Owner::Nobody);
            self.queue.pop_front();
            self.departed += 1;
            match owner {
                Owner::Nobody => {}
                Owner::Request(request) => self.own[request as usize] = None,
                Owner::Prefix(copy) => self.forget(copy),
            }
        }
    }

    /// What `request` would find, at most `longest` blocks, of which the first `common` are of the common prefix.
    pub(super) fn find(&self, request: u32, common: u32, longest: u32) -> Found {
        let mut found = Found::default();
        if !self.caching {
            return found;
        }
        for copies in self.prefix.iter().take(common.min(longest) as usize) {
            let Some(&first) = copies.first() else { break };
            found.prefix += 1;
            found.unreferenced += u64::from(self.copies[first as usize].references == 0);
        }
        if found.prefix == common {
            found.own = self.own_blocks(request).min(longest - common.min(longest));
            found.unreferenced += u64::from(found.own);
        }
        found
    }

    fn own_blocks(&self, request: u32) -> u32 {
        let entry = self.own.get(request as usize).copied().flatten();
        entry.and_then(|id| self.queue.get((id - self.departed) as usize)).map_or(0, |run| run.blocks)
    }

    /// Takes what was found; `held` receives the copies of the common prefix.
    pub(super) fn take_found(&mut self, request: u32, found: Found, held: &mut Vec<u32>) {
        for index in 0..found.prefix {
            let Some(&copy) = self.prefix[index as usize].first() else { break };
            let record = &mut self.copies[copy as usize];
            record.references += 1;
            if let Some(id) = record.queued.take() {
                self.unqueue(id);
            }
            held.push(copy);
        }
        if found.own > 0
            && let Some(id) = self.own[request as usize].take()
        {
            // A preempted request has computed at most all but its last token, so it finds all that is left.
            debug_assert_eq!(self.queue[(id - self.departed) as usize].blocks, found.own);
            let run = &mut self.queue[(id - self.departed) as usize];
            run.blocks -= found.own;
            run.of = Owner::Nobody;
            self.cached -= u64::from(found.own);
        }
    }

    /// Takes an entry out of the middle of the queue.
    fn unqueue(&mut self, id: u64) {
        let entry = &mut self.queue[(id - self.departed) as usize];
        self.cached -= u64::from(std::mem::take(&mut entry.blocks));
        entry.of = Owner::Nobody;
    }

    /// Enters the whole blocks `from..to` of the common prefix, held by one request, into the cache.
    pub(super) fn enter_prefix(&mut self, from: u32, to: u32, held: &mut Vec<u32>) {
        if !self.caching {
            return;
        }
        for index in from..to {
            if self.prefix.len() <= index as usize {
                self.prefix.resize(index as usize + 1, Vec::new());
            }
            let record = Copy { index, references: 1, queued: None };
            let copy = match self.unused_copies.pop() {
                Some(copy) => {
                    self.copies[copy as usize] = record;
                    copy
                }
                None => {
                    self.copies.push(record);
                    (self.copies.len() - 1) as u32
                }
            };
            self.prefix[index as usize].push(copy);
            held.push(copy);
        }
    }

    fn forget(&mut self, copy: u32) {
        let index = self.copies[copy as usize].index as usize;
        self.prefix[index].retain(|&other| other != copy);
        self.unused_copies.push(copy);
    }

    /// Frees what a request holds for `computed` tokens in blocks of `block` tokens: `held` copies of the common
    /// prefix and the rest its own. `returns` says whether it may ask for them again.
    pub(super) fn release(
        &mut self,
        request: u32,
        computed: u32,
        block: u32,
        held: &mut Vec<u32>,
        returns: bool,
    ) {
        if !self.caching {
            self.blank += u64::from(computed.div_ceil(block));
            return;
        }
        let whole = computed / block;
        self.blank += u64::from(computed.div_ceil(block) - whole);
        let own = whole - held.len() as u32;
        if own > 0 {
            self.cached += u64::from(own);
            match self.queue.back_mut() {
                Some(back) if !returns && back.of == Owner::Nobody && back.blocks < u32::MAX - own => {
                    back.blocks += own;
                }
                _ => {
                    let id = self.departed + self.queue.len() as u64;
                    let of = if returns { Owner::Request(request) } else { Owner::Nobody };
                    self.queue.push_back(Cached { blocks: own, of });
                    if returns {
                        if self.own.len() <= request as usize {
                            self.own.resize(request as usize + 1, None);
                        }
                        self.own[request as usize] = Some(id);
                    }
                }
            }
        }
        while let Some(copy) = held.pop() {
            let record = &mut self.copies[copy as usize];
            record.references -= 1;
            if record.references == 0 {
                record.queued = Some(self.departed + self.queue.len() as u64);
                self.queue.push_back(Cached { blocks: 1, of: Owner::Prefix(copy) });
                self.cached += 1;
            }
        }
    }
}
