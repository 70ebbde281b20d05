//! The rules of vLLM 0.32.0's scheduler written down as literally as possible: every block has a number, every
//! cached block its whole hash, and nothing is taken together. Slow, and the measure for the fast engine.

use std::collections::{BTreeMap, VecDeque};

use super::super::engine::EngineRequest;
use super::super::{Admission, EngineSettings};

/// What one step decided, for comparison.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Decision {
    pub(super) scheduled: BTreeMap<u32, u32>,
    pub(super) preempted: Vec<u32>,
    pub(super) running: usize,
    pub(super) waiting: usize,
    pub(super) used: u64,
    pub(super) first_token: Vec<u32>,
    pub(super) finished: Vec<u32>,
}

/// What a block holds: the common prefix up to its end, or one request's tokens up to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hash {
    Common(u32),
    Own(u32, u32),
}

#[derive(Debug, Clone)]
struct Request {
    prompt: u32,
    output: u32,
    common: u32,
    generated: u32,
    computed: u32,
    started: bool,
    blocks: Vec<usize>,
    hashed: usize,
}

#[derive(Debug, Clone)]
struct Block {
    references: u32,
    hash: Option<Hash>,
}

pub(super) struct Literal {
    settings: EngineSettings,
    blocks: Vec<Block>,
    free: VecDeque<usize>,
    cache: BTreeMap<Hash, Vec<usize>>,
    requests: Vec<Request>,
    waiting: VecDeque<u32>,
    running: Vec<u32>,
}

impl Literal {
    pub(super) fn new(settings: EngineSettings) -> Self {
        let count = settings.kv_blocks as usize;
        Self {
            settings,
            blocks: vec![Block { references: 0, hash: None }; count],
            free: (0..count).collect(),
            cache: BTreeMap::new(),
            requests: Vec::new(),
            waiting: VecDeque::new(),
            running: Vec::new(),
        }
    }

    pub(super) fn enqueue(&mut self, request: EngineRequest) {
        self.waiting.push_back(self.requests.len() as u32);
        self.requests.push(Request {
            prompt: request.prompt,
            output: request.output,
            common: request.common_prefix.min(request.prompt),
            generated: 0,
            computed: 0,
            started: false,
            blocks: Vec::new(),
            hashed: 0,
        });
    }

    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    fn hash(&self, id: u32, index: usize) -> Hash {
        let end = (index as u32 + 1) * self.settings.block_tokens;
        if end <= self.requests[id as usize].common { Hash::Common(end) } else { Hash::Own(id, end) }
    }

    fn known(&self, id: u32) -> u32 {
        self.requests[id as usize].prompt + self.requests[id as usize].generated
    }

    fn take(&mut self) -> usize {
        let block = self.free.pop_front().unwrap();
        if let Some(hash) = self.blocks[block].hash.take() {
            let copies = self.cache.get_mut(&hash).unwrap();
            copies.retain(|&copy| copy != block);
            if copies.is_empty() {
                self.cache.remove(&hash);
            }
        }
        self.blocks[block].references = 1;
        block
    }

    /// Blocks up to `tokens`, and hashes for those that are full.
    fn allocate(&mut self, id: u32, tokens: u32) {
        let size = self.settings.block_tokens;
        while self.requests[id as usize].blocks.len() < tokens.div_ceil(size) as usize {
            let block = self.take();
            self.requests[id as usize].blocks.push(block);
        }
        let full = (tokens.min(self.known(id)) / size) as usize;
        while self.settings.prefix_caching && self.requests[id as usize].hashed < full {
            let index = self.requests[id as usize].hashed;
            let hash = self.hash(id, index);
            let block = self.requests[id as usize].blocks[index];
            self.blocks[block].hash = Some(hash);
            self.cache.entry(hash).or_default().push(block);
            self.requests[id as usize].hashed += 1;
        }
    }

    fn release(&mut self, id: u32) {
        let request = &mut self.requests[id as usize];
        request.hashed = 0;
        let mut blank = Vec::new();
        for block in std::mem::take(&mut request.blocks).into_iter().rev() {
            self.blocks[block].references -= 1;
            if self.blocks[block].references > 0 {
                continue;
            }
            if self.blocks[block].hash.is_some() {
                self.free.push_back(block);
            } else {
                blank.push(block);
            }
        }
        for block in blank.into_iter().rev() {
            self.free.push_front(block);
        }
    }

    pub(super) fn step(&mut self) -> Decision {
        let mut decision = Decision::default();
        let settings = self.settings;
        let alone = self.running.len() + self.waiting.len() <= 1;
        let longest = match settings.long_prefill_threshold {
            threshold if threshold > 0 && !alone => threshold,
            _ => u32::MAX,
        };
        let mut budget = settings.step_tokens;
        let mut order = Vec::new();
        let mut place = 0;
        'pass: while place < self.running.len() && budget > 0 {
            let id = self.running[place];
            let computed = self.requests[id as usize].computed;
            let tokens = (self.known(id) - computed)
                .min(longest)
                .min(budget)
                .min(settings.max_model_tokens - 1 - computed);
            if tokens == 0 {
                place += 1;
                continue;
            }
            let needed = (computed + tokens).div_ceil(settings.block_tokens) as usize;
            while needed - self.requests[id as usize].blocks.len() > self.free.len() {
                let victim = self.running.pop().unwrap();
                self.release(victim);
                self.requests[victim as usize].computed = 0;
                self.waiting.push_front(victim);
                decision.preempted.push(victim);
                if victim == id {
                    break 'pass;
                }
            }
            self.allocate(id, computed + tokens);
            decision.scheduled.insert(id, tokens);
            order.push(id);
            budget -= tokens;
            place += 1;
        }
        if decision.preempted.is_empty() {
            self.admit(&mut budget, longest, &mut decision, &mut order);
        }
        decision.running = self.running.len();
        decision.waiting = self.waiting.len();
        decision.used = (self.blocks.len() - self.free.len()) as u64;
        self.complete(&order, &mut decision);
        decision
    }

    fn admit(&mut self, budget: &mut u32, longest: u32, decision: &mut Decision, order: &mut Vec<u32>) {
        let settings = self.settings;
        let size = settings.block_tokens;
        while *budget > 0 && self.running.len() < settings.seats as usize {
            let Some(&id) = self.waiting.front() else { return };
            let known = self.known(id);
            let mut found = Vec::new();
            while settings.prefix_caching && (found.len() as u32) < (known - 1) / size {
                let Some(copies) = self.cache.get(&self.hash(id, found.len())) else { break };
                found.push(copies[0]);
            }
            let computed = found.len() as u32 * size;
            let mut tokens = (known - computed).min(longest);
            if !settings.chunked_prefill && tokens > *budget {
                return;
            }
            tokens = tokens.min(*budget);
            let Admission::Known { whole_sequence, watermark } = settings.admission else { unreachable!() };
            let unreferenced = found.iter().filter(|&&block| self.blocks[block].references == 0).count();
            let blocks = |tokens: u32| tokens.div_ceil(size) as usize - found.len() + unreferenced;
            let all = (settings.kv_blocks + settings.reserved_blocks) as f64;
            let spared = if self.running.is_empty() { 0 } else { (watermark * all) as usize };
            let whole = blocks(known.min(settings.max_model_tokens)) + spared;
            if (whole_sequence && whole > self.free.len())
                || blocks(computed + tokens) + spared > self.free.len()
            {
                return;
            }
            self.waiting.pop_front();
            self.running.push(id);
            for &block in &found {
                if self.blocks[block].references == 0 {
                    self.free.retain(|&other| other != block);
                }
                self.blocks[block].references += 1;
            }
            self.requests[id as usize].hashed = found.len();
            self.requests[id as usize].blocks = found;
            self.requests[id as usize].computed = computed;
            self.allocate(id, computed + tokens);
            decision.scheduled.insert(id, tokens);
            order.push(id);
            *budget -= tokens;
        }
    }

    fn complete(&mut self, order: &[u32], decision: &mut Decision) {
        for &id in order {
            let known = self.known(id);
            let most = self.settings.max_model_tokens;
            let request = &mut self.requests[id as usize];
            request.computed += decision.scheduled[&id];
            if request.computed < known {
                continue;
            }
            request.generated += 1;
            if !request.started {
                request.started = true;
                decision.first_token.push(id);
            }
            if request.generated == request.output || known + 1 >= most {
                decision.finished.push(id);
                self.running.retain(|&other| other != id);
                self.release(id);
            }
        }
        decision.first_token.sort_unstable();
    }
}
