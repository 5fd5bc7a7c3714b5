//! `cargo xtask screenshot`: a page as headless Chromium shows it, and what its console says.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use e2e::{Page, StaticServer, Viewport};

/// Take a picture of a page.
#[derive(clap::Args)]
pub struct Args {
    /// Address of the page, or a folder to serve (such as www/dist).
    url: String,
    /// The picture to write.
    out: PathBuf,
    /// Size of the screen in CSS pixels [default: 1440x900, with --mobile 390x844].
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = parse_size)]
    size: Option<(u32, u32)>,
    /// Milliseconds between the page's load event and the picture.
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    wait: u64,
    /// A phone: 390x844, touch, two screen pixels for each CSS pixel.
    #[arg(long)]
    mobile: bool,
    /// Ask the page for less motion (prefers-reduced-motion).
    #[arg(long)]
    reduced_motion: bool,
    /// JavaScript to run after --wait; its value is printed. Promises are awaited. May be repeated.
    #[arg(long, value_name = "JS")]
    eval: Vec<String>,
    /// Milliseconds between each --eval and what follows.
    #[arg(long, value_name = "MS", default_value_t = 300)]
    settle: u64,
}

/// Takes the picture.
pub fn run(args: &Args) -> Result<()> {
    let server;
    let url = if args.url.contains("://") {
        &args.url
    } else if Path::new(&args.url).is_dir() {
        server = StaticServer::start(&args.url)?;
        server.url()
    } else {
        bail!("{} is neither an address (http://…) nor a folder", args.url);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            result = take(args, url) => result,
            _ = tokio::signal::ctrl_c() => bail!("stopped"),
        }
    })
}

async fn take(args: &Args, url: &str) -> Result<()> {
    let mut viewport = if args.mobile { Viewport::PHONE } else { Viewport::DESKTOP };
    if let Some((width, height)) = args.size {
        viewport = Viewport { width, height, ..viewport };
    }
    let page = Page::open(url, viewport, args.reduced_motion).await?;
    tokio::time::sleep(Duration::from_millis(args.wait)).await;
    let mut problem = None;
    for js in &args.eval {
        match page.eval(js).await {
            Ok(value) => println!("{value}"),
            Err(error) => problem = Some(error),
        }
        tokio::time::sleep(Duration::from_millis(args.settle)).await;
    }
    page.screenshot(&args.out).await?;
    for line in page.console().await? {
        println!("console {} ({}): {}", line.level.to_lowercase(), line.source, line.message);
    }
    println!("{}", args.out.display());
    problem.map_or(Ok(()), |error| Err(error).context("--eval"))
}

fn parse_size(text: &str) -> Result<(u32, u32)> {
    let (width, height) = text.split_once('x').context("expected WIDTHxHEIGHT, such as 1440x900")?;
    Ok((width.parse().context("the width is not a number")?, height.parse().context("the height is not a number")?))
}
