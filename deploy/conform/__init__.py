"""`roomcast conform`: holds any server of WHIP and WHEP against the rules, over the wire, with real media."""
