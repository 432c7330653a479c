-- include changes.lua
-- Log a change of the records of a worker's rooms.
-- KEYS[1]  stream of changes    ARGV[1]  the change    ARGV[2]  lifetime of an entry in ms    ARGV[3]  of all in s
log_change(KEYS[1], ARGV[1], ARGV[2], ARGV[3])
