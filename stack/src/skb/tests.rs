//! Tests of the skb.
