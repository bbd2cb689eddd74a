contract! {
    /// Place an order.
    POST "/orders/{id}/place", timeout = "5s"
    place_order(id: Path<OrderId>, body: Json<PlaceOrder>) -> Result<Json<Placed>, OrderError>;

    #[cfg(unix)]
    pub(crate) POST "/orders/{id}/lines/{no}", one_way
    add_line(at: Path<(OrderId, u32)>, note: Option<Form<Note>>, );
}
