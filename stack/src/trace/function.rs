//! The kernel functions whose entry and exit are told: name, layer and the kernel file they mirror.

/// A row of the tower: where in the machine something happens, top to bottom.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum Layer {
    /// The program, in user space.
    User,
    /// The system-call boundary.
    Syscall,
    /// The socket and its buffers.
    Socket,
    /// TCP, UDP or ICMP.
    Transport,
    /// IPv4.
    Ip,
    /// The neighbour table, ARP and the Ethernet header.
    Neigh,
    /// The queueing discipline.
    Qdisc,
    /// The driver and its descriptor rings.
    Driver,
    /// The network card.
    Nic,
    /// The wire between cards.
    Wire,
}

impl Layer {
    /// All rows, top to bottom.
    pub const ALL: [Layer; 10] = [
        Layer::User,
        Layer::Syscall,
        Layer::Socket,
        Layer::Transport,
        Layer::Ip,
        Layer::Neigh,
        Layer::Qdisc,
        Layer::Driver,
        Layer::Nic,
        Layer::Wire,
    ];
}

macro_rules! functions {
    ($($variant:ident = $name:literal, $layer:ident, $file:literal;)*) => {
        /// A function on the packet's path, under its kernel name.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[repr(u16)]
        pub enum Function { $(#[doc = concat!("`", $name, "`, ", $file)] $variant),* }

        impl Function {
            /// Every function, in the order of the path.
            pub const ALL: &'static [Function] = &[$(Function::$variant),*];

            /// The kernel's name for it.
            pub const fn name(self) -> &'static str {
                match self { $(Function::$variant => $name),* }
            }

            /// The layer it belongs to.
            pub const fn layer(self) -> Layer {
                match self { $(Function::$variant => Layer::$layer),* }
            }

            /// The kernel's source file.
            pub const fn file(self) -> &'static str {
                match self { $(Function::$variant => $file),* }
            }
        }
    };
}

functions! {
    User = "user", User, "the program";
    SysSocket = "__sys_socket", Syscall, "net/socket.c";
    SysBind = "__sys_bind", Syscall, "net/socket.c";
    SysListen = "__sys_listen", Syscall, "net/socket.c";
    SysAccept4 = "__sys_accept4", Syscall, "net/socket.c";
    SysConnect = "__sys_connect", Syscall, "net/socket.c";
    SysSendto = "__sys_sendto", Syscall, "net/socket.c";
    SysRecvfrom = "__sys_recvfrom", Syscall, "net/socket.c";
    SysRead = "ksys_read", Syscall, "fs/read_write.c";
    SysWrite = "ksys_write", Syscall, "fs/read_write.c";
    SysShutdown = "__sys_shutdown", Syscall, "net/socket.c";
    SysClose = "__x64_sys_close", Syscall, "fs/open.c";
    SysGetsockname = "__sys_getsockname", Syscall, "net/socket.c";
    SysGetpeername = "__sys_getpeername", Syscall, "net/socket.c";
    SysSetsockopt = "__sys_setsockopt", Syscall, "net/socket.c";
    SysGetsockopt = "__sys_getsockopt", Syscall, "net/socket.c";
    SysFcntl = "__x64_sys_fcntl", Syscall, "fs/fcntl.c";
    SysReadv = "do_readv", Syscall, "fs/read_write.c";
    SysWritev = "do_writev", Syscall, "fs/read_write.c";
    SysSendmsg = "__sys_sendmsg", Syscall, "net/socket.c";
    SysRecvmsg = "__sys_recvmsg", Syscall, "net/socket.c";
    SysPoll = "do_sys_poll", Syscall, "fs/select.c";
    SysEpollCreate = "do_epoll_create", Syscall, "fs/eventpoll.c";
    SysEpollCtl = "do_epoll_ctl", Syscall, "fs/eventpoll.c";
    SysEpollWait = "do_epoll_wait", Syscall, "fs/eventpoll.c";
    SysIoctl = "sock_ioctl", Syscall, "net/socket.c";
    PollScheduleTimeout = "poll_schedule_timeout", Syscall, "fs/select.c";
    EpPollCallback = "ep_poll_callback", Socket, "fs/eventpoll.c";
    SockPoll = "sock_poll", Socket, "net/socket.c";
    EpPoll = "ep_poll", Socket, "fs/eventpoll.c";
    TcpPoll = "tcp_poll", Transport, "net/ipv4/tcp.c";
    TcpGetInfo = "tcp_get_info", Transport, "net/ipv4/tcp.c";
    InetCreate = "inet_create", Socket, "net/ipv4/af_inet.c";
    InetBind = "inet_bind", Socket, "net/ipv4/af_inet.c";
    InetListen = "inet_listen", Socket, "net/ipv4/af_inet.c";
    InetStreamConnect = "inet_stream_connect", Socket, "net/ipv4/af_inet.c";
    InetDgramConnect = "inet_dgram_connect", Socket, "net/ipv4/af_inet.c";
    InetAccept = "inet_accept", Socket, "net/ipv4/af_inet.c";
    InetShutdown = "inet_shutdown", Socket, "net/ipv4/af_inet.c";
    InetRelease = "inet_release", Socket, "net/ipv4/af_inet.c";
    InetWaitForConnect = "inet_wait_for_connect", Socket, "net/ipv4/af_inet.c";
    InetCskWaitForConnect = "inet_csk_wait_for_connect", Socket, "net/ipv4/inet_connection_sock.c";
    SockSendmsg = "sock_sendmsg", Socket, "net/socket.c";
    SockRecvmsg = "sock_recvmsg", Socket, "net/socket.c";
    SkStreamWaitMemory = "sk_stream_wait_memory", Socket, "net/core/stream.c";
    SkStreamWaitClose = "sk_stream_wait_close", Socket, "net/core/stream.c";
    SkWaitData = "sk_wait_data", Socket, "net/core/sock.c";
    SockDefReadable = "sock_def_readable", Socket, "net/core/sock.c";
    SkStreamWriteSpace = "sk_stream_write_space", Socket, "net/core/stream.c";
    TcpConnect = "tcp_connect", Transport, "net/ipv4/tcp_output.c";
    TcpV4Connect = "tcp_v4_connect", Transport, "net/ipv4/tcp_ipv4.c";
    InetHashConnect = "__inet_hash_connect", Transport, "net/ipv4/inet_hashtables.c";
    TcpSendmsg = "tcp_sendmsg_locked", Transport, "net/ipv4/tcp.c";
    TcpPush = "tcp_push", Transport, "net/ipv4/tcp.c";
    TcpWriteXmit = "tcp_write_xmit", Transport, "net/ipv4/tcp_output.c";
    TcpTransmitSkb = "__tcp_transmit_skb", Transport, "net/ipv4/tcp_output.c";
    TcpV4SendCheck = "__tcp_v4_send_check", Transport, "net/ipv4/tcp_ipv4.c";
    TcpSendAck = "__tcp_send_ack", Transport, "net/ipv4/tcp_output.c";
    TcpSendFin = "tcp_send_fin", Transport, "net/ipv4/tcp_output.c";
    TcpSendActiveReset = "tcp_send_active_reset", Transport, "net/ipv4/tcp_output.c";
    TcpMakeSynack = "tcp_make_synack", Transport, "net/ipv4/tcp_output.c";
    TcpRetransmitSkb = "__tcp_retransmit_skb", Transport, "net/ipv4/tcp_output.c";
    TcpXmitRetransmitQueue = "tcp_xmit_retransmit_queue", Transport, "net/ipv4/tcp_output.c";
    TcpRackReoTimeout = "tcp_rack_reo_timeout", Transport, "net/ipv4/tcp_recovery.c";
    TcpFragment = "tcp_fragment", Transport, "net/ipv4/tcp_output.c";
    TsoFragment = "tso_fragment", Transport, "net/ipv4/tcp_output.c";
    TcpSendLossProbe = "tcp_send_loss_probe", Transport, "net/ipv4/tcp_output.c";
    TcpWriteWakeup = "tcp_write_wakeup", Transport, "net/ipv4/tcp_output.c";
    TcpRetransmitTimer = "tcp_retransmit_timer", Transport, "net/ipv4/tcp_timer.c";
    TcpDelackTimer = "tcp_delack_timer_handler", Transport, "net/ipv4/tcp_timer.c";
    TcpProbeTimer = "tcp_probe_timer", Transport, "net/ipv4/tcp_timer.c";
    TcpKeepaliveTimer = "tcp_keepalive_timer", Transport, "net/ipv4/tcp_timer.c";
    TcpPaceKick = "tcp_pace_kick", Transport, "net/ipv4/tcp_output.c";
    ReqskTimer = "reqsk_timer_handler", Transport, "net/ipv4/inet_connection_sock.c";
    TwTimer = "tw_timer_handler", Transport, "net/ipv4/inet_timewait_sock.c";
    TcpV4Rcv = "tcp_v4_rcv", Transport, "net/ipv4/tcp_ipv4.c";
    TcpV4DoRcv = "tcp_v4_do_rcv", Transport, "net/ipv4/tcp_ipv4.c";
    TcpV4SendReset = "tcp_v4_send_reset", Transport, "net/ipv4/tcp_ipv4.c";
    TcpV4SendAck = "tcp_v4_send_ack", Transport, "net/ipv4/tcp_ipv4.c";
    TcpConnRequest = "tcp_conn_request", Transport, "net/ipv4/tcp_input.c";
    TcpCheckReq = "tcp_check_req", Transport, "net/ipv4/tcp_minisocks.c";
    CookieV4Check = "cookie_v4_check", Transport, "net/ipv4/syncookies.c";
    TcpV4SynRecvSock = "tcp_v4_syn_recv_sock", Transport, "net/ipv4/tcp_ipv4.c";
    TcpTimewaitStateProcess = "tcp_timewait_state_process", Transport, "net/ipv4/tcp_minisocks.c";
    TcpTimeWait = "tcp_time_wait", Transport, "net/ipv4/tcp_minisocks.c";
    TcpRcvSynsent = "tcp_rcv_synsent_state_process", Transport, "net/ipv4/tcp_input.c";
    TcpRcvStateProcess = "tcp_rcv_state_process", Transport, "net/ipv4/tcp_input.c";
    TcpRcvEstablished = "tcp_rcv_established", Transport, "net/ipv4/tcp_input.c";
    TcpFinishConnect = "tcp_finish_connect", Transport, "net/ipv4/tcp_input.c";
    TcpAck = "tcp_ack", Transport, "net/ipv4/tcp_input.c";
    TcpSacktag = "tcp_sacktag_write_queue", Transport, "net/ipv4/tcp_input.c";
    TcpCleanRtxQueue = "tcp_clean_rtx_queue", Transport, "net/ipv4/tcp_input.c";
    TcpFastretransAlert = "tcp_fastretrans_alert", Transport, "net/ipv4/tcp_input.c";
    TcpEnterLoss = "tcp_enter_loss", Transport, "net/ipv4/tcp_input.c";
    TcpDataQueue = "tcp_data_queue", Transport, "net/ipv4/tcp_input.c";
    TcpDataQueueOfo = "tcp_data_queue_ofo", Transport, "net/ipv4/tcp_input.c";
    TcpOfoQueue = "tcp_ofo_queue", Transport, "net/ipv4/tcp_input.c";
    TcpPruneQueue = "tcp_prune_queue", Transport, "net/ipv4/tcp_input.c";
    TcpFin = "tcp_fin", Transport, "net/ipv4/tcp_input.c";
    TcpReset = "tcp_reset", Transport, "net/ipv4/tcp_input.c";
    TcpRecvmsg = "tcp_recvmsg_locked", Transport, "net/ipv4/tcp.c";
    TcpCleanupRbuf = "__tcp_cleanup_rbuf", Transport, "net/ipv4/tcp.c";
    TcpClose = "__tcp_close", Transport, "net/ipv4/tcp.c";
    TcpShutdown = "tcp_shutdown", Transport, "net/ipv4/tcp.c";
    TcpDone = "tcp_done", Transport, "net/ipv4/tcp.c";
    TcpDisconnect = "tcp_disconnect", Transport, "net/ipv4/tcp.c";
    InetCskListenStop = "inet_csk_listen_stop", Transport, "net/ipv4/inet_connection_sock.c";
    TcpV4Err = "tcp_v4_err", Transport, "net/ipv4/tcp_ipv4.c";
    UdpSendmsg = "udp_sendmsg", Transport, "net/ipv4/udp.c";
    UdpSendSkb = "udp_send_skb", Transport, "net/ipv4/udp.c";
    UdpRcv = "__udp4_lib_rcv", Transport, "net/ipv4/udp.c";
    UdpQueueRcvSkb = "udp_queue_rcv_skb", Transport, "net/ipv4/udp.c";
    UdpRecvmsg = "udp_recvmsg", Transport, "net/ipv4/udp.c";
    UdpErr = "__udp4_lib_err", Transport, "net/ipv4/udp.c";
    PingSendmsg = "ping_v4_sendmsg", Transport, "net/ipv4/ping.c";
    PingRcv = "ping_rcv", Transport, "net/ipv4/ping.c";
    PingRecvmsg = "ping_recvmsg", Transport, "net/ipv4/ping.c";
    IcmpRcv = "icmp_rcv", Transport, "net/ipv4/icmp.c";
    IcmpEcho = "icmp_echo", Transport, "net/ipv4/icmp.c";
    IcmpReply = "icmp_reply", Transport, "net/ipv4/icmp.c";
    IcmpUnreach = "icmp_unreach", Transport, "net/ipv4/icmp.c";
    IcmpSend = "icmp_send", Transport, "net/ipv4/icmp.c";
    IpQueueXmit = "__ip_queue_xmit", Ip, "net/ipv4/ip_output.c";
    IpSendSkb = "ip_send_skb", Ip, "net/ipv4/ip_output.c";
    IpRouteOutput = "ip_route_output_key_hash", Ip, "net/ipv4/route.c";
    IpLocalOut = "__ip_local_out", Ip, "net/ipv4/ip_output.c";
    IpOutput = "ip_output", Ip, "net/ipv4/ip_output.c";
    IpFinishOutput2 = "ip_finish_output2", Ip, "net/ipv4/ip_output.c";
    IpRcv = "ip_rcv", Ip, "net/ipv4/ip_input.c";
    IpRouteInput = "ip_route_input_noref", Ip, "net/ipv4/route.c";
    IpLocalDeliver = "ip_local_deliver", Ip, "net/ipv4/ip_input.c";
    IpForward = "ip_forward", Ip, "net/ipv4/ip_forward.c";
    NeighResolveOutput = "neigh_resolve_output", Neigh, "net/core/neighbour.c";
    NeighEventSend = "__neigh_event_send", Neigh, "net/core/neighbour.c";
    NeighUpdate = "neigh_update", Neigh, "net/core/neighbour.c";
    NeighTimerHandler = "neigh_timer_handler", Neigh, "net/core/neighbour.c";
    EthHeader = "eth_header", Neigh, "net/ethernet/eth.c";
    EthTypeTrans = "eth_type_trans", Neigh, "net/ethernet/eth.c";
    ArpSolicit = "arp_solicit", Neigh, "net/ipv4/arp.c";
    ArpCreate = "arp_create", Neigh, "net/ipv4/arp.c";
    ArpRcv = "arp_rcv", Neigh, "net/ipv4/arp.c";
    ArpProcess = "arp_process", Neigh, "net/ipv4/arp.c";
    DevQueueXmit = "__dev_queue_xmit", Qdisc, "net/core/dev.c";
    PfifoFastEnqueue = "pfifo_fast_enqueue", Qdisc, "net/sched/sch_generic.c";
    PfifoFastDequeue = "pfifo_fast_dequeue", Qdisc, "net/sched/sch_generic.c";
    PfifoEnqueue = "pfifo_enqueue", Qdisc, "net/sched/sch_fifo.c";
    QdiscDequeueHead = "qdisc_dequeue_head", Qdisc, "include/net/sch_generic.h";
    FqEnqueue = "fq_enqueue", Qdisc, "net/sched/sch_fq.c";
    FqDequeue = "fq_dequeue", Qdisc, "net/sched/sch_fq.c";
    QdiscRun = "__qdisc_run", Qdisc, "net/sched/sch_generic.c";
    NetifReceiveSkb = "__netif_receive_skb_core", Qdisc, "net/core/dev.c";
    TcpGsoSegment = "tcp_gso_segment", Qdisc, "net/ipv4/tcp_offload.c";
    DevHardStartXmit = "dev_hard_start_xmit", Driver, "net/core/dev.c";
    NdoStartXmit = "ndo_start_xmit", Driver, "the driver";
    TxClean = "napi_consume_skb", Driver, "net/core/skbuff.c";
    IrqHandler = "napi_schedule", Driver, "net/core/dev.c";
    NapiPoll = "napi_poll", Driver, "net/core/dev.c";
    NicTransmit = "NIC transmit", Nic, "the card";
    NicReceive = "NIC receive", Nic, "the card";
    Link = "wire", Wire, "the cable";
}
