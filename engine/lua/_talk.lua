-- Put before the scripts of a conversation: its keys, and the sender's folders of what was answered.
local folders, unread, thread = { A = KEYS[24], D = KEYS[25], L = KEYS[26] }, KEYS[27], KEYS[28]
-- set: indices of InMails whose recipient had everything erased: nobody says anything there any more
local erased = campaign .. ':erased'

-- How an InMail is called within its account: 'campaign number.index'.
local function ref_of(id, index) return string.match(id, '%d+$') .. '.' .. int(index) end

-- Put an InMail at the head of its sender's folder of that letter; from_candidate: it has something new to read.
local function into_folder(letter, id, index, from_candidate)
  call('ZADD', folders[letter], int(now), ref_of(id, index))
  if from_candidate then call('HINCRBY', unread, ref_of(id, index), 1) end
end
